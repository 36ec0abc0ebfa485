//! `--keep-state`: what canisters hold at the end of a run, as files to be looked at.

use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

use drun_ic::canister::Canister;
use drun_ic::node::Node;

/// Looks whether the directory can be made, before the first message.
///
/// # Errors
/// If it cannot.
pub(super) fn check(parent: Option<&Path>) -> anyhow::Result<()> {
    new_directory(parent).map(drop)
}

/// A new directory of random name, which is gone again unless it is kept.
fn new_directory(parent: Option<&Path>) -> anyhow::Result<tempfile::TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("drun-");
    match parent {
        Some(parent) => builder.tempdir_in(parent),
        None => builder.tempdir(),
    }
    .context("cannot make the state directory")
}

/// Writes the state of all canisters to a new directory of random name and tells its path.
///
/// # Errors
/// If the directory or a file cannot be written; then nothing of it stays.
pub(super) fn keep(node: &Node, parent: Option<&Path>) -> anyhow::Result<PathBuf> {
    let directory = new_directory(parent)?;
    for canister in node.canisters() {
        let place = directory.path().join(canister.id.to_text());
        write(canister, &place).with_context(|| format!("cannot write {}", place.display()))?;
    }
    Ok(directory.keep())
}

fn write(canister: &Canister, place: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(place)?;
    let (mut heap, mut module_hash) = (0, None);
    if let Some(code) = &canister.code {
        std::fs::write(place.join("module.wasm"), &code.module.blob)?;
        module_hash = Some(hex::encode(code.module.hash));
        heap = code.heap_bytes();
        if let Some(content) = code
            .heap
            .as_ref()
            .and_then(|memory| memory.read(0, heap as usize))
        {
            std::fs::write(place.join("heap.bin"), content)?;
        }
    }
    let mut stable = std::fs::File::create(place.join("stable.bin"))?;
    // Pages that were never written stay holes.
    stable.set_len(canister.stable.size_bytes())?;
    for (number, page) in canister.stable.image().pages() {
        stable.seek(SeekFrom::Start(number * page.len() as u64))?;
        stable.write_all(page)?;
    }
    let controllers: Vec<String> = canister
        .settings
        .controllers
        .to_vec()
        .iter()
        .map(|id| id.to_text())
        .collect();
    let summary = serde_json::json!({
        "canister": canister.id.to_text(),
        "version": canister.version,
        "status": canister.status.number(),
        "cycles": canister.cycles.to_string(),
        "controllers": controllers,
        "module_hash": module_hash,
        "heap_bytes": heap,
        "stable_bytes": canister.stable.size_bytes(),
        "certified_data": hex::encode(&canister.certified_data),
    });
    std::fs::write(place.join("canister.json"), format!("{summary:#}\n"))?;
    Ok(())
}
