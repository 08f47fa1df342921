//! Where the workspace is and what cargo knows about it.
//!
//! Invariant: every look at the workspace is `--locked`, so no check can change `Cargo.lock`.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, MetadataCommand};

use crate::error::{Error, Result};
use crate::run::Task;

/// The workspace that this program was built from.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
    metadata: Metadata,
}

impl Workspace {
    /// Asks cargo about the workspace; its members alone, so nothing is downloaded.
    pub(crate) fn locate() -> Result<Self> {
        // Cargo says where the package of the running binary lies. Without it (the binary was started by hand) the
        // current directory decides, as it does for cargo itself.
        let mut command = MetadataCommand::new();
        if let Some(package) = env::var_os("CARGO_MANIFEST_DIR") {
            command.manifest_path(Path::new(&package).join("Cargo.toml"));
        }
        let metadata = command.cargo_path(cargo()).no_deps().other_options(["--locked".to_owned()]).exec()?;
        Ok(Self {
            root: metadata.workspace_root.clone().into_std_path_buf(),
            target: metadata.target_directory.clone().into_std_path_buf(),
            metadata,
        })
    }

    /// The directory of the root manifest.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where cargo puts what it builds.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// The members of the workspace, without what they depend on.
    pub(crate) fn members(&self) -> &Metadata {
        &self.metadata
    }

    /// The whole graph as it is built on this machine, outside crates included. Fetches what is missing.
    pub(crate) fn graph(&self) -> Result<Metadata> {
        let host = Task::program("rustc", &["--print", "host-tuple"]).directory(&self.root).answer()?;
        let options = ["--locked".to_owned(), "--filter-platform".to_owned(), host.trim().to_owned()];
        Ok(MetadataCommand::new()
            .cargo_path(cargo())
            .manifest_path(self.root.join("Cargo.toml"))
            .other_options(options)
            .exec()?)
    }

    /// `path` from the root, with `/`; an error when it lies outside.
    pub(crate) fn relative(&self, path: &Path) -> Result<String> {
        let inside = path.strip_prefix(&self.root).map_err(|_| Error::File {
            path: path.to_owned(),
            source: std::io::Error::other(format!("lies outside the workspace {}", self.root.display())),
        })?;
        Ok(inside.to_string_lossy().replace('\\', "/"))
    }

    /// A cargo command at the root.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Task {
        Task::cargo(arguments).directory(&self.root)
    }
}

/// The cargo that started us, so that the tasks use the same toolchain.
pub(crate) fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}
