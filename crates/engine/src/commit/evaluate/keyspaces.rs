//! Which keyspace a batch is about, and the end of one.
//!
//! Invariant: nothing is written to a namespace behind the commit that drops it, in the same group neither.

use super::{Evaluation, Plan};
use crate::batch::{Batch, Within};
use crate::error::{Error, ErrorKind, Result};
use crate::keyspace::Keyspace;

impl<'g> Evaluation<'g> {
    /// Goes on with keys of this keyspace, or with `None` that of the handle which commits.
    pub(super) fn enter(&mut self, batch: &Batch, within: Option<Within>) -> Result<()> {
        if within.is_some_and(|within| within.incarnation != self.core.identity.incarnation) {
            let text = format!(
                "the batch is about a namespace of another store than {}; nothing was written",
                self.core.dir.display()
            );
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        self.keyspace = within.map_or(batch.keyspace, |within| within.keyspace);
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
    pub(super) fn drop_namespace(&mut self, plan: &mut Plan<'g>, name: &[u8]) {
        let found = std::str::from_utf8(name).ok().and_then(|name| {
            let keyspace = self.core.namespaces.find(name)?;
            (!self.dropped.contains(&keyspace))
                .then(|| (keyspace, crate::store::namespaces::name_entry(name)))
        });
        if let Some(found) = found {
            self.dropped.push(found.0);
            plan.dropped.push(found);
            plan.deleted += 1;
        }
    }
}
