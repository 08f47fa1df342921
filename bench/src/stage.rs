//! The process of one engine: does one stage and writes its outcome, one line of JSON, to standard output.

use std::fs;
use std::io::{self, Write};

use crate::arguments::StageArguments;
use crate::data::DataSet;
use crate::engines::{Engine, EngineKind, Fjall, Limit, Lmdb, Pentad, Place, Redb, SimdRDrive};
use crate::error::{Error, Result};
use crate::measure::MemoryLimit;
use crate::outcome::Outcome;
use crate::workloads::Stage;

/// Does what the arguments say.
pub(crate) fn perform(arguments: &StageArguments) -> Result<()> {
    if let Some(group) = &arguments.group {
        MemoryLimit::join(group)?;
    }
    let directory = arguments.directory.join(arguments.stage.store());
    fs::create_dir_all(&directory).map_err(Error::file(&directory))?;
    let place = Place {
        directory,
        data: DataSet {
            size: arguments.size,
            shape: arguments.shape,
            quick: arguments.quick,
            memory_part: None,
        },
        durable: arguments.stage == Stage::Durable,
        retention_off: matches!(arguments.stage, Stage::Overwrite | Stage::Mixed | Stage::Churn),
    };
    let outcome = match arguments.engine {
        EngineKind::Pentad => run::<Pentad>(arguments.stage, &place),
        EngineKind::Limit => run::<Limit>(arguments.stage, &place),
        EngineKind::SimdRDrive => run::<SimdRDrive>(arguments.stage, &place),
        EngineKind::Lmdb => run::<Lmdb>(arguments.stage, &place),
        EngineKind::Redb => run::<Redb>(arguments.stage, &place),
        EngineKind::Fjall => run::<Fjall>(arguments.stage, &place),
        #[cfg(feature = "rocksdb")]
        EngineKind::RocksDb => run::<crate::engines::RocksDb>(arguments.stage, &place),
        #[cfg(not(feature = "rocksdb"))]
        EngineKind::RocksDb => Err(Error::Usage("this program was built without rocksdb".to_owned())),
    }?;
    let line = serde_json::to_string(&outcome)
        .map_err(|source| Error::Json { what: "the outcome of a stage".to_owned(), source })?;
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")
        .and_then(|()| output.flush())
        .map_err(|error| Error::System { what: "standard output", reason: error.to_string() })
}

fn run<E: Engine>(stage: Stage, place: &Place) -> Result<Outcome> {
    stage.perform::<E>(place)
}

/// The settings of an engine, for the report.
pub(crate) fn settings(kind: EngineKind) -> &'static str {
    match kind {
        EngineKind::Pentad => Pentad::SETTINGS,
        EngineKind::Limit => Limit::SETTINGS,
        EngineKind::SimdRDrive => SimdRDrive::SETTINGS,
        EngineKind::Lmdb => Lmdb::SETTINGS,
        EngineKind::Redb => Redb::SETTINGS,
        EngineKind::Fjall => Fjall::SETTINGS,
        #[cfg(feature = "rocksdb")]
        EngineKind::RocksDb => crate::engines::RocksDb::SETTINGS,
        #[cfg(not(feature = "rocksdb"))]
        EngineKind::RocksDb => "not built in",
    }
}
