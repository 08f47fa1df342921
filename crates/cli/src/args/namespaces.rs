//! `--namespace`, and the verb `namespaces`.

use clap::Args;
use pentad_engine::{Store, escape_key};

use super::Global;
use crate::error::{Failure, Result};

pub(super) const NAMESPACES_AFTER_HELP: &str = "\
A namespace is made by the first verb that writes to it, with --namespace NAME. --drop takes all of it away in one commit,
however much that is; its space comes back by compaction.

With --json, one object: {\"namespaces\": [NAME, …]}, and with --drop {\"dropped\": NAME, \"sequence\"}.";

/// Arguments of `namespaces`.
#[derive(Args, Debug)]
pub(crate) struct NamespacesArgs {
    /// Drop this namespace with all that is in it
    #[arg(long, value_name = "NAME")]
    pub(crate) drop: Option<String>,
}

impl Global {
    /// The namespace that the verb is about, if it is not the store's own keyspace.
    pub(crate) fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// The part of an open store that the verb is about; it must be there.
    ///
    /// # Errors
    ///
    /// [`Failure::Absent`] when there is no such namespace.
    pub(crate) fn part_of(&self, store: &Store) -> Result<Store> {
        let Some(name) = &self.namespace else { return Ok(store.clone()) };
        store.find_namespace(name)?.ok_or_else(|| {
            let (shown, place) = (escape_key(name.as_bytes()), self.store.as_deref().unwrap_or(store.path()));
            Failure::Absent(format!("there is no namespace {shown} in {}", place.display()))
        })
    }

    /// The same; it is made when it is missing.
    pub(crate) fn made_part_of(&self, store: &Store) -> Result<Store> {
        let Some(name) = &self.namespace else { return Ok(store.clone()) };
        Ok(store.namespace(name)?)
    }
}
