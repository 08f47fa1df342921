//! The table itself: what its callers ask of it.
//!
//! Invariants. `set`, `replace` and `remove` are called by one thread at a time. The order of stores of a split is that of
//! the module above: new page, state, old page, state.

use std::sync::Arc;

use super::directory::{BLOCK_PAGES, Directory, PAGES_MAX};
use super::freeze::Freeze;
use super::image::{self, Groups, Origin, SlotImage};
use super::page::{LINE_SLOTS, PAGE_SLOTS, Page, Spot, behind, home};
use super::secret::{Mixed, Secret};
use super::slot::{Field, Slot};
use super::split::Split;
use super::state::{Place, State};
use crate::address::Address;
use crate::seams::sync::atomic::{AtomicU64, Ordering};

/// The table holds no more keys of one hash.
pub(in super::super) const CROWD: usize = 16;

/// So many pages are split at most for one key whose page is full: within half a millisecond.
const FORCED_SPLITS_MAX: u32 = 256;
/// A table of more than so many pages is not split for a full page
const FORCED_PAGES_MAX: u64 = 64;
/// if it is filled to less than one in so many slots, so that keys made to fall into one page cannot make it large.
const FORCED_SPARSENESS_MAX: u64 = 8;

/// What became of a key that was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Set {
    /// It was there, at this address.
    Replaced(Address),
    /// It was not there.
    Inserted,
    /// It was not there and is not now: too many keys have its hash, or too many fall into its page
    /// and the table is too large to grow for that. The caller keeps the keys of this hash elsewhere and removes those that are here.
    Crowded,
}

/// See the module above.
#[derive(Debug)]
pub(in super::super) struct SlotTable {
    secret: Secret,
    /// A [`State`].
    state: AtomicU64,
    directory: Directory,
    len: Len,
    freeze: Freeze,
}

/// Where a quick look came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum First {
    /// This may be the entry, or not.
    At(Address),
    /// There is no entry of the hash.
    Nowhere,
    /// [`SlotTable::find`] knows.
    Unsure,
}

/// A quick look that has begun.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Started<'t> {
    mixed: Mixed,
    state: State,
    place: Place,
    page: &'t Page,
}

/// How many entries there are, apart from what readers load.
#[derive(Debug)]
#[repr(align(64))]
struct Len(AtomicU64);

impl SlotTable {
    /// An empty table.
    pub(in super::super) fn new(secret: u64) -> Self {
        let directory = Directory::new();
        directory.make(0);
        Self {
            secret: Secret::new(secret),
            state: AtomicU64::new(State::FIRST.0),
            directory,
            len: Len(AtomicU64::new(0)),
            freeze: Freeze::new(),
        }
    }

    /// The table of a checkpoint; `None` when there can be no such table.
    pub(in super::super) fn of_image(secret: u64, image: SlotImage, groups: Arc<dyn Groups>) -> Option<Self> {
        let directory = Directory::of(Origin::new(image.pages()?, groups)?);
        Some(Self {
            secret: Secret::new(secret),
            state: AtomicU64::new(image.state),
            directory,
            len: Len(AtomicU64::new(image.len)),
            freeze: Freeze::new(),
        })
    }

    /// Keeps the table as it is now until [`SlotTable::thaw`]. Called like the calls that change it.
    pub(in super::super) fn freeze(&self) -> SlotImage {
        let image = SlotImage { state: self.state().0, len: self.len() };
        self.freeze.begin(image, self.state().pages());
        image
    }

    /// Writes the next group of the kept table behind what is in `out`. The groups are taken in order, each once. Called like
    /// the calls that change the table.
    pub(in super::super) fn take_group(&self, group: u64, out: &mut Vec<u8>) {
        let Some(pages) = self.freeze.image().and_then(SlotImage::pages) else { return };
        let first = group * BLOCK_PAGES as u64;
        let end = first + image::pages_of(group, pages) as u64;
        let held = self.directory.unread_group(group, pages);
        if let Some(bytes) = held.filter(|_| !self.freeze.has_kept(first..end)) {
            out.extend_from_slice(bytes);
            self.freeze.take(end, |_, _| ());
            return;
        }
        self.freeze.take(end, |number, kept| match kept {
            Some(words) => image::encode(words, out),
            None => image::encode(&self.directory.page(number).words(), out),
        });
    }

    /// Keeps nothing any more.
    pub(in super::super) fn thaw(&self) {
        self.freeze.end();
    }

    /// The address of the entry of a hash that `is_it` accepts. It is asked for every entry whose known hash bits are
    /// those of the hash, mostly none or the right one, and may be asked twice for one address. The first yes wins.
    #[inline]
    pub(in super::super) fn find(
        &self,
        hash: u64,
        mut is_it: impl FnMut(Address) -> bool,
    ) -> Option<Address> {
        let mixed = self.secret.mix(hash);
        let mut state = self.state();
        loop {
            let place = state.place(mixed);
            let found = self.look(mixed, place, &mut is_it);
            if found.is_some() {
                return found;
            }
            let now = self.state();
            if now == state || now.place(mixed) == place {
                return None;
            }
            state = now;
        }
    }

    /// Gives `each` every address that may be that of an entry of a hash, under a split some of them twice.
    pub(in super::super) fn candidates(&self, hash: u64, mut each: impl FnMut(Address)) {
        let all = self.find(hash, |address| {
            each(address);
            false
        });
        debug_assert!(all.is_none(), "none is accepted");
    }

    /// The entry of a key, known by its hash and by `is_it`, is at this address now. `hash_of` reads in the log
    /// the hash of an entry at some address, if it can be read; `is_it` may be asked twice for one.
    pub(in super::super) fn set<H: Into<Option<u64>>>(
        &self,
        hash: u64,
        address: Address,
        mut is_it: impl FnMut(Address) -> bool,
        mut hash_of: impl FnMut(Address) -> H,
    ) -> Set {
        let mixed = self.secret.mix(hash);
        let mut state = self.state();
        if self.len() >= state.split_due_at() {
            state = self.split(state, &mut hash_of).unwrap_or(state);
        }
        let mut forced_splits_left = FORCED_SPLITS_MAX;
        loop {
            let place = state.place(mixed);
            let page = self.directory.page(place.page);
            self.freeze.before_change(place.page, page);
            let field = Field::new(mixed, place.consumed);
            let (refused, free) = match search(page, home(mixed), field, &mut is_it) {
                Search::Is { spot, distance, address: old } => {
                    page.store(spot, Slot::new(field, distance, address));
                    return Set::Replaced(old);
                }
                Search::IsNot { refused, free } => (refused, free),
            };
            if refused >= CROWD && self.is_crowded(page, hash, place, &mut hash_of) {
                return Set::Crowded;
            }
            if let Some((spot, distance)) = free {
                page.store(spot, Slot::new(field, distance, address));
                self.count(self.len() + 1);
                return Set::Inserted;
            }
            while state.place(mixed) == place {
                if forced_splits_left == 0 || !self.may_be_forced(state) {
                    return Set::Crowded;
                }
                let Some(next) = self.split(state, &mut hash_of) else { return Set::Crowded };
                state = next;
                forced_splits_left -= 1;
            }
        }
    }

    /// The entry of a hash at one address was moved to another. Whether it was there. Does not look at the log.
    pub(in super::super) fn replace(&self, hash: u64, from: Address, to: Address) -> bool {
        let mixed = self.secret.mix(hash);
        let (page, field) = self.page_to_write(mixed);
        let search = search(page, home(mixed), field, &mut |address| address == from);
        let Search::Is { spot, distance, .. } = search else { return false };
        page.store(spot, Slot::new(field, distance, to));
        true
    }

    /// Takes the entry of a hash at an address out. Whether it was there. Does not look at the log.
    pub(in super::super) fn remove(&self, hash: u64, address: Address) -> bool {
        let mixed = self.secret.mix(hash);
        let (page, field) = self.page_to_write(mixed);
        let search = search(page, home(mixed), field, &mut |candidate| candidate == address);
        let Search::Is { spot, .. } = search else { return false };
        page.erase(spot);
        self.count(self.len() - 1);
        true
    }

    /// An entry that a lookup of this hash looks at, and that cannot have been put there with the hash that `hash_of`
    /// reads in the log: its key has changed under our hands. Asked when a lookup found nothing but entries of other keys.
    pub(in super::super) fn misplaced(
        &self,
        hash: u64,
        mut hash_of: impl FnMut(Address) -> Option<u64>,
    ) -> Option<Address> {
        let mixed = self.secret.mix(hash);
        let place = self.state().place(mixed);
        let field = Field::new(mixed, place.consumed);
        let page = self.directory.page(place.page);
        let slots = page.probe(home(mixed)).flat_map(|(_, words)| words);
        let wrong = slots.filter(|slot| field.matches(*slot)).find(|slot| {
            hash_of(slot.address()).is_some_and(|other| !self.may_share(mixed, place, *slot, other))
        })?;
        // While the page is rewritten it is not known which bits a slot speaks of.
        let is_settled = !place.is_rewritten && self.state().place(mixed) == place;
        is_settled.then(|| wrong.address())
    }

    /// Whether an entry of the hash `other` may stand in a slot that a lookup of `mixed` looks at and finds matching.
    fn may_share(&self, mixed: Mixed, place: Place, slot: Slot, other: u64) -> bool {
        let bits = place.consumed + slot.known();
        (mixed.0 ^ self.secret.mix(other).0) >> (u64::BITS - bits) == 0
    }

    /// As [`Self::first`], past entries of other keys: `hash_of_another` gives the hash of an entry's key if that can be read
    /// and is not the one that is looked for.
    pub(in super::super) fn first_behind_others(
        &self,
        hash: u64,
        mut hash_of_another: impl FnMut(Address) -> Option<u64>,
    ) -> First {
        let Started { mixed, state, place, page } = self.start(hash);
        if place.is_rewritten {
            return First::Unsure;
        }
        let field = Field::new(mixed, place.consumed);
        for (_, words) in page.probe(home(mixed)) {
            for slot in field.among(&words).map(|number| words[number % LINE_SLOTS]) {
                match hash_of_another(slot.address()) {
                    None => return First::At(slot.address()),
                    Some(other) if self.may_share(mixed, place, slot, other) => {}
                    // It cannot have been put there with the key that it has now.
                    Some(_) => return First::Unsure,
                }
            }
        }
        if self.state() == state { First::Nowhere } else { First::Unsure }
    }

    /// The first address that may be that of the entry of a hash, where that is found without detours.
    #[inline(always)]
    pub(in super::super) fn first(&self, hash: u64) -> First {
        self.first_from(&self.start(hash))
    }

    /// Fetches what a lookup of a hash looks at first.
    pub(in super::super) fn fetch(&self, hash: u64) {
        self.start_ahead(hash);
    }

    /// Starts [`Self::first`], and fetches what it looks at.
    #[inline(always)]
    pub(in super::super) fn start_ahead(&self, hash: u64) -> Started<'_> {
        let started = self.start(hash);
        started.page.prefetch(home(started.mixed));
        started
    }

    #[inline(always)]
    fn start(&self, hash: u64) -> Started<'_> {
        let mixed = self.secret.mix(hash);
        let state = self.state();
        let place = state.place(mixed);
        Started { mixed, state, place, page: self.directory.page(place.page) }
    }

    /// [`Self::first`] of what was started.
    #[inline(always)]
    pub(in super::super) fn first_from(&self, started: &Started<'_>) -> First {
        let Started { mixed, state, place, page } = *started;
        if place.is_rewritten {
            return First::Unsure;
        }
        match page.first(home(mixed), Field::new(mixed, place.consumed)) {
            Some(address) => First::At(address),
            // Only then was the hash looked for where it had to be all the time.
            None if self.state() == state => First::Nowhere,
            None => First::Unsure,
        }
    }

    /// How many entries there are.
    pub(in super::super) fn len(&self) -> u64 {
        self.len.0.load(Ordering::Relaxed)
    }

    /// The bytes held in memory: 8 to 20 for an entry from some ten thousand entries on.
    pub(in super::super) fn memory_bytes(&self) -> u64 {
        self.directory.memory_bytes()
    }

    #[inline]
    pub(super) fn state(&self) -> State {
        State(self.state.load(Ordering::Acquire))
    }

    fn count(&self, len: u64) {
        self.len.0.store(len, Ordering::Relaxed);
    }

    #[inline]
    fn look(&self, mixed: Mixed, place: Place, mut is_it: impl FnMut(Address) -> bool) -> Option<Address> {
        let page = self.directory.page(place.page);
        let field = Field::new(mixed, place.consumed);
        if place.is_rewritten {
            Self::look_under_split(page, mixed, place, &mut is_it)
        } else {
            page.find(home(mixed), |words| field.among(words), is_it)
        }
    }

    /// Apart from the other case, which then is all that there is in the code of a lookup.
    #[cold]
    fn look_under_split(
        page: &Page,
        mixed: Mixed,
        place: Place,
        is_it: &mut dyn FnMut(Address) -> bool,
    ) -> Option<Address> {
        let (field, next) = (Field::new(mixed, place.consumed), Field::new(mixed, place.consumed + 1));
        page.find(home(mixed), |words| field.among(words).or(next.among(words)), is_it)
    }

    /// For the writer, who sees no split under way.
    fn page_to_write(&self, mixed: Mixed) -> (&Page, Field) {
        let place = self.state().place(mixed);
        let page = self.directory.page(place.page);
        self.freeze.before_change(place.page, page);
        (page, Field::new(mixed, place.consumed))
    }

    /// Whether the table may grow for the sake of one page.
    fn may_be_forced(&self, state: State) -> bool {
        let slots = state.pages() * PAGE_SLOTS;
        state.pages() <= FORCED_PAGES_MAX || self.len() * FORCED_SPARSENESS_MAX >= slots
    }

    /// Splits the next page. Without an answer there can be no more pages, or an entry that cannot be read has to be told
    /// by its hash.
    pub(super) fn split<H: Into<Option<u64>>>(
        &self,
        state: State,
        mut hash_of: impl FnMut(Address) -> H,
    ) -> Option<State> {
        let (old, consumed, new) = state.next_split();
        if new >= PAGES_MAX {
            return None;
        }
        self.freeze.before_change(old, self.directory.page(old));
        let (old, new) = (self.directory.page(old), self.directory.make(new));
        let hash_of = |address| hash_of(address).into().map(|hash| self.secret.mix(hash));
        let split = Split::plan(old, consumed, hash_of)?;
        split.fill(new);
        self.state.store(state.splitting().0, Ordering::Release);
        split.rewrite(old);
        self.state.store(state.after_split().0, Ordering::Release);
        Some(state.after_split())
    }

    /// Whether as many keys have a hash as the table holds of one. Entries that only look like it, because they know
    /// few bits, get a new field, so that they do not look like it again.
    fn is_crowded<H: Into<Option<u64>>>(
        &self,
        page: &Page,
        hash: u64,
        place: Place,
        mut hash_of: impl FnMut(Address) -> H,
    ) -> bool {
        let mixed = self.secret.mix(hash);
        let field = Field::new(mixed, place.consumed);
        let mut same = 0;
        for (distance, words) in page.probe(home(mixed)) {
            let line = behind(home(mixed), distance);
            for slot in field.among(&words) {
                let word = words[slot];
                let Some(own) = hash_of(word.address()).into() else { continue };
                if own == hash {
                    same += 1;
                } else {
                    let field = Field::new(self.secret.mix(own), place.consumed);
                    page.store(Spot { line, slot }, word.with_field(field));
                }
            }
        }
        same >= CROWD
    }
}

#[cfg(all(test, not(loom)))]
impl SlotTable {
    /// All pages, for the tests to look at.
    pub(super) fn pages(&self) -> impl Iterator<Item = (u64, &Page)> {
        (0..self.state().pages()).map(|number| (number, self.directory.page(number)))
    }

    pub(super) fn mixed(&self, hash: u64) -> Mixed {
        self.secret.mix(hash)
    }
}

/// What the writer finds.
enum Search {
    Is {
        spot: Spot,
        distance: usize,
        address: Address,
    },
    IsNot {
        /// How many entries looked like it and were not.
        refused: usize,
        /// The first free slot, and how far it is from home.
        free: Option<(Spot, usize)>,
    },
}

fn search(page: &Page, home: usize, field: Field, is_it: &mut impl FnMut(Address) -> bool) -> Search {
    let mut refused = 0;
    let mut free = None;
    for (distance, words) in page.probe(home) {
        let line = behind(home, distance);
        for slot in field.among(&words) {
            let address = words[slot % LINE_SLOTS].address();
            if is_it(address) {
                return Search::Is { spot: Spot { line, slot }, distance, address };
            }
            refused += 1;
        }
        free = free.or_else(|| {
            let slot = words.iter().position(|slot| !slot.is_entry())?;
            Some((Spot { line, slot }, distance))
        });
    }
    Search::IsNot { refused, free }
}
