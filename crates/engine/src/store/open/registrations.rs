//! Learning from the system entries which namespaces there are, when a store is opened.
//!
//! Invariant: a registration that cannot be read is neither passed over nor a reason to refuse the rest: what is known goes on
//! working, and what nobody can know any more is not answered. It is found out by reading alone.

use crate::error::{Error, ErrorKind, Result, escape_key};
use crate::keyspace::Keyspace;
use crate::numbers::Sequence;
use crate::planted::{Bug, planted};
use crate::store::core::Core;
use crate::store::namespaces::{DROPPED, NAMES};

impl Core {
    /// See the module.
    ///
    /// # Errors
    ///
    /// Where reading fails for another reason than damage.
    pub(crate) fn load_namespaces(&self) -> Result<()> {
        let mut fault = None;
        for prefix in [NAMES, DROPPED] {
            let keys = self.system_keys(prefix);
            fault = fault.or(keys.lost);
            for key in keys.known {
                match self.load_namespace(&key) {
                    Err(error) if error.kind() == ErrorKind::Damaged => fault = fault.or(Some(error)),
                    loaded => loaded?,
                }
            }
        }
        if fault.is_none() && !self.skipped.is_empty() {
            fault = self.nameless();
        }
        let fault = fault.filter(|_| !planted(Bug::RegistrationPassedOver));
        let fault = fault.map(|cause| {
            let text = format!(
                "not all namespaces of {} are known any more, so none can be made, and of a name that is not among them nobody can say \
                 whether it is there ({cause}); those that are known can be used, and `pentad repair` copies all into a new store",
                self.dir.display()
            );
            Error::new(ErrorKind::Damaged, text)
        });
        self.namespaces.found(self.index.last_named(), fault);
        Ok(())
    }

    fn load_namespace(&self, key: &[u8]) -> Result<()> {
        let strange = || {
            let text = format!("the system entry {} is not what was written", escape_key(key));
            Error::damaged(&self.dir, 0, text)
        };
        let value = self.verified_system_value(key);
        if let Some(name) = key.strip_prefix(NAMES) {
            let Some(value) = value? else { return Ok(()) };
            let name = std::str::from_utf8(name).ok();
            let number = value[..].try_into().map(u32::from_le_bytes).ok();
            let (name, keyspace) = name.zip(number.and_then(Keyspace::numbered)).ok_or_else(strange)?;
            self.namespaces.register(name, keyspace);
            return Ok(());
        }
        let number = key.strip_prefix(DROPPED).and_then(|number| number.try_into().ok());
        let keyspace = number.map(u32::from_be_bytes).and_then(Keyspace::numbered).ok_or_else(strange)?;
        let by = match value {
            Ok(None) => return Ok(()),
            Ok(Some(value)) => value[..].try_into().map(u64::from_le_bytes).map_err(|_| strange())?,
            // That it was dropped is certain, and no view of before that time is in use.
            Err(error) if error.kind() == ErrorKind::Damaged => 0,
            Err(error) => return Err(error),
        };
        self.namespaces.drop_by(keyspace, Sequence(by));
        Ok(())
    }

    /// Where frames were skipped, registrations may be among them: whether there are entries of a namespace without one.
    fn nameless(&self) -> Option<Error> {
        let mut next = Keyspace::numbered(1);
        while let Some(keyspace) = next.and_then(|from| self.index.first_named(from)) {
            if !self.namespaces.knows(keyspace) {
                let text = format!("namespace {} has entries and no name", keyspace.number());
                return Some(Error::damaged(&self.dir, 0, text));
            }
            next = keyspace.number().checked_add(1).and_then(Keyspace::numbered);
        }
        None
    }
}
