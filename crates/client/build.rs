//! Makes Rust of the `.proto` files, without a `protoc` on the machine.

use std::path::PathBuf;

const FILES: [&str; 4] =
    ["pentad/v1/command.proto", "pentad/v1/keys.proto", "pentad/v1/cluster.proto", "pentad/v1/peer.proto"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto");
    let descriptors = protox::compile(FILES, ["proto"])?;
    // The reflection service hands this out as it is.
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("pentad.v1.bin"), prost::Message::encode_to_vec(&descriptors))?;
    tonic_prost_build::configure().bytes(".").compile_fds(descriptors)?;
    Ok(())
}
