//! `kernel-debugger installer …`: files for the maker of installers, with the options of the published tool.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::kernel::read_kernel;
use crate::installer::{installer, merge, parse};
use crate::say::say;

/// What the installer tool does.
#[derive(Debug, Subcommand)]
pub(super) enum InstallerCommand {
    /// Makes an installer kernel for a kernel, and the preimages it will ask for
    GetRevealInstaller {
        /// The kernel to be installed
        #[arg(short, long, value_name = "FILE")]
        upgrade_to: PathBuf,
        /// The installer: .wasm, or .hex for its digits
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// Where preimages go; made if it is missing
        #[arg(short = 'P', long, value_name = "DIR")]
        preimages_dir: PathBuf,
        /// Instructions that follow the upgrade, in YAML
        #[arg(short = 'S', long, value_name = "FILE")]
        setup_file: Option<PathBuf>,
        /// Prints the hash of the first preimage
        #[arg(short, long)]
        display_root_hash: bool,
    },
    /// Puts the instructions of several setup files into one
    MergeSetupFiles {
        /// The file that is written
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// The files that are read, in order
        #[arg(short = 'S', long, value_name = "FILE", num_args = 1.., required = true)]
        setup_files: Vec<PathBuf>,
    },
}

/// Does it; the error is a text for people.
pub(super) fn run(command: &InstallerCommand) -> Result<(), String> {
    match command {
        InstallerCommand::GetRevealInstaller {
            upgrade_to,
            output,
            preimages_dir,
            setup_file,
            display_root_hash,
        } => {
            let kernel = read_kernel(upgrade_to).map_err(|error| error.to_string())?;
            let setup = match setup_file {
                Some(path) => {
                    parse(&read(path)?).map_err(|error| format!("{}: {error}", path.display()))?
                }
                None => Vec::new(),
            };
            let made = installer(&kernel, &setup).ok_or("an empty kernel cannot be installed")?;
            fs::create_dir_all(preimages_dir)
                .map_err(|error| format!("{}: {error}", preimages_dir.display()))?;
            for page in &made.preimages {
                let path = preimages_dir.join(format!("00{}", hex::encode(page.hash)));
                if let Err(error) = fs::write(&path, &page.bytes) {
                    eprintln!(
                        "Failed to write preimage to \"{}\" due to {error}.",
                        path.display()
                    );
                }
            }
            save(output, &made.wasm)?;
            if *display_root_hash {
                say!("ROOT_HASH: 00{}", hex::encode(made.root))?;
            }
            Ok(())
        }
        InstallerCommand::MergeSetupFiles {
            output,
            setup_files,
        } => {
            let texts: Vec<String> = setup_files
                .iter()
                .map(|path| read(path))
                .collect::<Result<_, _>>()?;
            let merged =
                merge(texts.iter().map(String::as_str)).map_err(|error| error.to_string())?;
            fs::write(output, merged).map_err(|error| format!("{}: {error}", output.display()))
        }
    }
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn save(path: &Path, wasm: &[u8]) -> Result<(), String> {
    let ending = path.extension().and_then(|ending| ending.to_str());
    let written = if ending == Some("wasm") {
        fs::write(path, wasm)
    } else {
        if ending != Some("hex") {
            eprintln!("Expected either 'hex' or 'wasm' for extension. Defaulting to hex.");
        }
        fs::write(path, hex::encode(wasm))
    };
    written.map_err(|error| format!("{}: {error}", path.display()))
}
