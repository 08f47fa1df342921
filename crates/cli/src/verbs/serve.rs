//! `serve`: a node, until a signal ends it.
//!
//! Invariant: what is printed on standard output is said when the node listens, and not before.

use pentad_cluster_backend::Node;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::args::{Global, LogForm, ServeArgs};
use crate::error::{Failure, Result};
use crate::output::Output;

/// Runs a node.
pub(crate) fn run(global: &Global, arguments: &ServeArgs) -> Result<()> {
    check_listener(arguments)?;
    start_log(arguments.log);
    let mut builder =
        Node::builder(global.store()?).listen(&arguments.listen).becomes_voter(!arguments.learner);
    builder = builder.snapshot_bytes(arguments.snapshot_bytes).log_entries_kept(arguments.log_entries_kept);
    for address in &arguments.join {
        builder = builder.join(address);
    }
    if arguments.wait {
        builder = builder.wait();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Failure::Io { doing: "cannot start a runtime".to_owned(), error })?;
    runtime.block_on(async {
        // Before the node is there, so that no signal is lost.
        let mut ends = [signal(SignalKind::terminate()), signal(SignalKind::interrupt())].map(|signal| {
            signal.map_err(|error| Failure::Io { doing: "cannot watch for signals".to_owned(), error })
        });
        let node = builder.start()?;
        say_where(global, &node)?;
        let [terminate, interrupt] = &mut ends;
        let ended = tokio::select! {
            error = node.failed() => Err(Failure::from(error)),
            () = next(terminate) => Ok(()),
            () = next(interrupt) => Ok(()),
        };
        tracing::info!("the node shuts down");
        node.shutdown().await;
        ended
    })
}

/// Returns when a signal has come; never, where there are none.
async fn next(signal: &mut Result<tokio::signal::unix::Signal>) {
    match signal {
        Ok(signal) => drop(signal.recv().await),
        Err(_) => std::future::pending().await,
    }
}

fn say_where(global: &Global, node: &Node) -> Result<()> {
    let address = node.address().map(|address| address.to_string()).unwrap_or_default();
    let id = node.status().node.map(|node| node.node_id).filter(|id| *id != 0);
    let mut output = Output::new();
    match global.json {
        true => output.json(&json!({ "listening": address, "node": id }))?,
        false => output.line(&format!("listening on {address}"))?,
    }
    output.finish()
}

/// Nothing is sent in the clear unless that is asked for; the node refuses to send it beyond this machine.
fn check_listener(arguments: &ServeArgs) -> Result<()> {
    if arguments.insecure {
        return Ok(());
    }
    let text = "connections are not encrypted in this version: say --insecure, and listen on an address of this machine only";
    Err(Failure::Usage(text.to_owned()))
}

fn start_log(form: LogForm) {
    let filter =
        EnvFilter::try_from_env("PENTAD_LOG").unwrap_or_else(|_| EnvFilter::new("info,openraft=error"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // It fails where a log was started already, which then goes on.
    drop(match form {
        LogForm::Text => log.with_ansi(false).try_init(),
        LogForm::Json => log.json().try_init(),
    });
}
