//! Namespaces: named keyspaces in one store, with one sequence and one log for all of them.
//!
//! Which names there are, and which numbers were dropped by which commit, is said by system entries; what is in memory is
//! a copy of that. A handle of a namespace is a [`Store`] whose keys are those of the namespace.
//!
//! Invariant: a number is given to one namespace for ever, so what a dropped one has left in the log is nobody's, and shows to
//! nobody: no view at or behind the drop looks for it. The registration of a namespace stands in the log before its first entry.
//! Where a registration was lost, no number is given at all, and no name is said not to be there: `registrations` finds that out.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use super::core::Core;
use super::handle::Store;
use crate::batch::Batch;
use crate::error::{Error, ErrorKind, Result, escape_key};
use crate::index::{Extent, Space, View};
use crate::keyspace::Keyspace;
use crate::numbers::Sequence;
use crate::planted::{Bug, planted};
use crate::seams::lock::{Mutex, RwLock};

/// System entries with names behind it say which number a namespace has: 4 bytes, little-endian.
pub(super) const NAMES: &[u8] = b"pentad/namespace/";
/// System entries with a number, 4 big-endian bytes, behind it say which commit dropped it: 8 bytes, little-endian.
pub(super) const DROPPED: &[u8] = b"pentad/dropped/";
/// Longest name, in bytes.
const NAME_BYTES_MAX: usize = 255;

/// What is known of namespaces.
#[derive(Debug, Default)]
pub(crate) struct Namespaces {
    state: RwLock<State>,
    /// Whether any was ever dropped, so that hardly anybody has to look.
    any_dropped: AtomicBool,
    /// Held by whoever registers one.
    registering: Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    by_name: BTreeMap<String, Keyspace>,
    /// The same the other way round.
    names: BTreeMap<Keyspace, String>,
    dropped: BTreeMap<Keyspace, Dropped>,
    /// The highest number of which there was an entry when the store was opened.
    highest: Option<Keyspace>,
    /// Why it is not known what names stand for that are not here, nor which numbers were given.
    fault: Option<Error>,
}

impl State {
    fn last(&self) -> Keyspace {
        let registered = self.names.keys().next_back().copied();
        if planted(Bug::NamespaceNumberReused) {
            return registered.unwrap_or(Keyspace::OWN);
        }
        let dropped = self.dropped.keys().next_back().copied();
        let highest = self.highest.filter(|_| !planted(Bug::RegistrationPassedOver));
        registered.max(dropped).max(highest).unwrap_or(Keyspace::OWN)
    }

    fn register(&mut self, name: &str, keyspace: Keyspace) {
        self.by_name.insert(name.to_owned(), keyspace);
        self.names.insert(keyspace, name.to_owned());
    }
}

#[derive(Clone, Copy, Debug)]
struct Dropped {
    by: Sequence,
    /// The index holds nothing of it any more.
    is_swept: bool,
}

/// The system entry that registers a name.
pub(crate) fn name_entry(name: &str) -> Vec<u8> {
    [NAMES, name.as_bytes()].concat()
}

/// The system entry that says that a namespace was dropped by a commit.
pub(crate) fn dropped_entry(keyspace: Keyspace, by: Sequence) -> (Vec<u8>, Vec<u8>) {
    ([DROPPED, &keyspace.number().to_be_bytes()].concat(), by.0.to_le_bytes().to_vec())
}

impl Namespaces {
    fn read<R>(&self, read: impl FnOnce(&State) -> R) -> R {
        read(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes that the commit `by`, which is about to show, has dropped a namespace.
    pub(crate) fn drop_by(&self, keyspace: Keyspace, by: Sequence) {
        self.change(|state| {
            if let Some(name) = state.names.remove(&keyspace) {
                state.by_name.remove(&name);
            }
            state.dropped.insert(keyspace, Dropped { by, is_swept: false });
        });
        self.any_dropped.store(true, Ordering::Release);
    }

    /// Whether a keyspace is there for a view: whether it was not dropped by a commit that the view sees.
    #[inline]
    pub(crate) fn shows(&self, keyspace: Keyspace, view: View) -> bool {
        keyspace.is_own()
            || !self.any_dropped.load(Ordering::Acquire)
            || self
                .read(|state| state.dropped.get(&keyspace).is_none_or(|dropped| view.sequence < dropped.by))
    }

    /// Whether a keyspace can be written to.
    pub(crate) fn is_there(&self, keyspace: Keyspace) -> bool {
        keyspace.is_own() || self.read(|state| state.names.contains_key(&keyspace))
    }

    /// Notes that a name stands for a keyspace.
    pub(super) fn register(&self, name: &str, keyspace: Keyspace) {
        self.change(|state| state.register(name, keyspace));
    }

    /// Notes the highest number of which the index holds an entry, and what is missing of the registrations.
    pub(super) fn found(&self, highest: Option<Keyspace>, fault: Option<Error>) {
        self.change(|state| (state.highest, state.fault) = (highest, fault));
    }

    /// Why there may be namespaces that cannot be looked up.
    pub(super) fn fault(&self) -> Option<Error> {
        self.read(|state| state.fault.clone())
    }

    /// What a name stands for.
    ///
    /// # Errors
    ///
    /// `Damaged`, when it is not known whether it stands for any.
    pub(crate) fn find(&self, name: &str) -> Result<Option<Keyspace>> {
        self.read(|state| match (state.by_name.get(name), &state.fault) {
            (Some(keyspace), _) => Ok(Some(*keyspace)),
            (None, Some(fault)) => Err(fault.clone()),
            (None, None) => Ok(None),
        })
    }

    /// Whether a number was registered or dropped.
    pub(super) fn knows(&self, keyspace: Keyspace) -> bool {
        self.read(|state| state.names.contains_key(&keyspace) || state.dropped.contains_key(&keyspace))
    }

    /// The name of a keyspace.
    pub(crate) fn name_of(&self, keyspace: Keyspace) -> Option<String> {
        self.read(|state| state.names.get(&keyspace).cloned())
    }

    /// Whether a copy of the store at this view wants an entry: not if its namespace is gone, nor what says that it is.
    pub(crate) fn wants(&self, space: Space, key: &[u8], view: View) -> bool {
        match space {
            Space::System => !key.starts_with(DROPPED),
            space => self.shows(space.keyspace(key), view),
        }
    }

    /// Whether what stands in the log of a namespace is nobody's, for all views from `oldest` on.
    pub(crate) fn is_gone(&self, keyspace: Keyspace, oldest: Sequence) -> bool {
        self.any_dropped.load(Ordering::Acquire)
            && self.read(|state| state.dropped.get(&keyspace).is_some_and(|dropped| dropped.by <= oldest))
    }
}

fn check_name(name: &str) -> Result<()> {
    if !name.is_empty() && name.len() <= NAME_BYTES_MAX {
        return Ok(());
    }
    let text = format!(
        "the name of a namespace has 1 to {NAME_BYTES_MAX} bytes, and {} has {}",
        escape_key(name.as_bytes()),
        name.len()
    );
    Err(Error::new(ErrorKind::InvalidInput, text))
}

impl Store {
    /// A handle of the namespace `name`, which is made if it is not there: the same store, and keys that no other namespace
    /// shares. All that a `Store` does to keys it does there: puts and batches, reads, ranges, pages, counts, snapshots,
    /// transactions, watches and the batch log show its keys alone. What is one for the whole store stays so: the sequence,
    /// the log and how much of it is retained, durability, compaction, verification, closing.
    ///
    /// [`Batch::within`] puts changes of several namespaces into one commit. A namespace costs some hundred bytes, so there
    /// can be very many. Its [`Store::len`], unlike that of the store's own keyspace, takes time in proportion to its keys.
    /// Registering one is a commit without a sequence, as durable as any other of the store.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let store = pentad_engine::Store::open(dir.path())?;
    /// let orders = store.namespace("orders")?;
    /// orders.put("17", "tea")?;
    /// assert_eq!((orders.get("17")?.as_deref(), store.get("17")?), (Some(&b"tea"[..]), None));
    /// let mut batch = pentad_engine::Batch::new();
    /// batch.delete("17").within(&store).put("done", "17");
    /// assert_eq!(orders.commit(batch)?.deleted, 1);
    /// assert_eq!(store.namespaces(), ["orders"]);
    /// assert!(store.drop_namespace("orders")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] for an empty name, or one of more than 255 bytes; [`ErrorKind::LimitExceeded`] after 2^32
    /// namespaces; when it has to be made, as [`Store::commit`], and [`ErrorKind::Damaged`] where the registration of a namespace
    /// has rotted: it may be the one that is asked for, and its number is not to be given to another.
    pub fn namespace(&self, name: &str) -> Result<Self> {
        check_name(name)?;
        if let Some(found) = self.find_namespace(name)? {
            return Ok(found);
        }
        let core = self.core();
        let _registering = core.namespaces.registering.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = self.find_namespace(name)? {
            return Ok(found);
        }
        let last = core.namespaces.read(State::last);
        let Some(keyspace) = last.number().checked_add(1).and_then(Keyspace::numbered) else {
            let text =
                format!("{} has had 2^32 namespaces, as many as its format can count", core.dir.display());
            return Err(Error::new(ErrorKind::LimitExceeded, text));
        };
        self.register_namespace(name, keyspace)?;
        Ok(self.within(keyspace))
    }

    /// Writes down that a name stands for a number, which was given to none.
    pub(super) fn register_namespace(&self, name: &str, keyspace: Keyspace) -> Result<()> {
        let mut batch = Batch::new();
        batch.contents.put_system(&name_entry(name), (&keyspace.number().to_le_bytes()[..]).into());
        self.commit(batch)?;
        self.core().namespaces.register(name, keyspace);
        Ok(())
    }

    /// A handle of the namespace `name`, if it is there.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`]; [`ErrorKind::Damaged`] for a name that is not known where the registration of a namespace has rotted.
    pub fn find_namespace(&self, name: &str) -> Result<Option<Self>> {
        self.core().check_open()?;
        Ok(self.core().namespaces.find(name)?.map(|keyspace| self.within(keyspace)))
    }

    /// The names of all namespaces, in their order; but for those whose registration has rotted, which [`Stats::namespaces_fault`](crate::Stats::namespaces_fault)
    /// tells of.
    pub fn namespaces(&self) -> Vec<String> {
        self.core().namespaces.read(|state| state.by_name.keys().cloned().collect())
    }

    /// The name of the namespace that this is a handle of; `None` for one of the store's own keyspace, and when it was dropped.
    pub fn namespace_name(&self) -> Option<String> {
        self.core().namespaces.name_of(self.keyspace())
    }

    /// A handle of the store's own keyspace, whatever this is one of.
    #[must_use]
    pub fn own_keyspace(&self) -> Self {
        self.within(Keyspace::OWN)
    }

    /// Whether both handles are of one open store and one keyspace of it.
    pub fn same_keyspace(&self, other: &Self) -> bool {
        self.same_store(other) && self.keyspace() == other.keyspace()
    }

    /// Drops a namespace with all that is in it, in one commit whose cost does not depend on how much that is; whether it was
    /// there. Through the handles that there are still, nothing is found any more, and writes are refused; views of before
    /// see what they saw. The space comes back by compaction. A namespace made anew under the name is another one.
    ///
    /// # Errors
    ///
    /// As [`Store::commit`].
    pub fn drop_namespace(&self, name: &str) -> Result<bool> {
        let mut batch = Batch::new();
        batch.drop_namespace(name);
        Ok(self.commit(batch)?.deleted > 0)
    }
}

impl Core {
    /// Lets go of what the index holds of namespaces that were dropped and that no view in use sees any more. Costs what there
    /// is of them.
    pub(crate) fn sweep_namespaces(&self) {
        if !self.namespaces.any_dropped.load(Ordering::Acquire) {
            return;
        }
        let horizon = self.horizon();
        let due: Vec<Keyspace> = self.namespaces.read(|state| {
            let is_seen_by_none =
                |one: &Dropped| one.by <= horizon.sequence || planted(Bug::NamespaceSweptTooEarly);
            let due = state.dropped.iter().filter(|(_, one)| !one.is_swept && is_seen_by_none(one));
            due.map(|(keyspace, _)| *keyspace).collect()
        });
        for keyspace in due {
            // What older commits replaced goes first, so that nothing of it waits when the rest has gone.
            self.index.collect(horizon, &mut |version| self.count_dead(version));
            self.index.sweep(keyspace, horizon, &mut |version: &Extent| self.count_dead(version));
            self.namespaces.change(|state| {
                if let Some(dropped) = state.dropped.get_mut(&keyspace) {
                    dropped.is_swept = true;
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Keyspace, Sequence, State};
    use crate::store::namespaces::Dropped;

    #[test]
    fn a_number_that_anything_in_the_store_has_is_given_to_none() {
        let number = |number| Keyspace::numbered(number).unwrap();
        let mut state = State::default();
        assert_eq!(state.last(), Keyspace::OWN);
        state.register("registered", number(3));
        assert_eq!(state.last(), number(3));
        state.dropped.insert(number(5), Dropped { by: Sequence(1), is_swept: true });
        assert_eq!(state.last(), number(5));
        state.highest = Some(number(7));
        assert_eq!(state.last(), number(7), "of a namespace of which nothing else is known");
    }
}
