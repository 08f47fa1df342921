//! Which keyspace a batch is about, and the end of one.
//!
//! Invariant: nothing is written to a namespace behind the operation that drops it, in the same batch and the same group neither.

use super::{Evaluation, Plan};
use crate::batch::{Batch, Within};
use crate::error::{Error, ErrorKind, Result, escape_key};
use crate::keyspace::Keyspace;
use crate::store::namespaces::name_entry;

impl<'g> Evaluation<'g> {
    /// Goes on with keys of this keyspace, or with `None` that of the handle which commits, in a batch that has dropped some.
    pub(super) fn enter(
        &mut self,
        batch: &Batch,
        within: Option<Within>,
        dropped: &[(Keyspace, Vec<u8>)],
    ) -> Result<()> {
        if within.is_some_and(|within| within.incarnation != self.core.identity.incarnation) {
            let text = format!(
                "the batch is about a namespace of another store than {}; nothing was written",
                self.core.dir.display()
            );
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        self.keyspace = within.map_or(batch.keyspace, |within| within.keyspace);
        self.check_undropped(dropped)?;
        if self.keyspace.is_own()
            || (self.core.namespaces.is_there(self.keyspace) && !self.dropped.contains(&self.keyspace))
        {
            return Ok(());
        }
        let text = format!("the namespace was dropped from {}; nothing was written", self.core.dir.display());
        Err(Error::new(ErrorKind::KeyNotFound, text))
    }

    pub(super) fn added_to(&self, keyspace: Keyspace) -> i64 {
        self.added.get(&keyspace).copied().unwrap_or(0)
    }

    /// Drops the namespace of this name, if it is there.
    pub(super) fn drop_namespace(&mut self, plan: &mut Plan<'g>, name: &[u8]) -> Result<()> {
        let Ok(name) = std::str::from_utf8(name) else { return Ok(()) };
        let Some(keyspace) = self.core.namespaces.find(name)? else { return Ok(()) };
        if !self.dropped.contains(&keyspace) {
            self.dropped.push(keyspace);
            plan.dropped.push((keyspace, name_entry(name)));
            plan.deleted += 1;
        }
        Ok(())
    }

    /// Refuses what the batch has to do in a namespace that it has dropped itself: it would be accepted, and nobody would ever see it.
    pub(super) fn check_undropped(&self, dropped: &[(Keyspace, Vec<u8>)]) -> Result<()> {
        if !dropped.iter().any(|(keyspace, _)| *keyspace == self.keyspace) {
            return Ok(());
        }
        let name = self.core.namespaces.name_of(self.keyspace).unwrap_or_default();
        let text = format!(
            "the batch drops the namespace {} and then goes on in it; put what is to be in a new one of that name into a later batch. Nothing was written",
            escape_key(name.as_bytes())
        );
        Err(Error::new(ErrorKind::KeyNotFound, text))
    }
}
