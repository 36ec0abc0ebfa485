//! The options of the command line: those of the real node, of which many are accepted and mean nothing here, and our own
//! (rollup-node.md, sections 1.1 and 1.2).

use std::path::PathBuf;

use clap::Parser;

/// Runs a smart rollup's kernel with the RPC of a rollup node, without a chain.
///
/// Commands: `run MODE for ADDR with operators OP…`,
/// `init MODE config for ADDR with operators OP…`,
/// `originate smart rollup NAME of kind wasm_2_0_0 of type TYPE with kernel K`,
/// `send smart rollup message MSG from SRC`, `transfer PAYLOAD from KT1`,
/// `bake [N]`, `show supported protocols`, `dump durable storage into FILE`,
/// `patch durable storage at KEY with (HEX|file:FILE)`, `replay block B`,
/// `replay blocks from L to L`, `repair commitments for PROTOCOL`,
/// `recompute outbox messages from L`, `compare URL URL`,
/// `snapshot export [FILE]`, `snapshot import FILE`, `snapshot info FILE`,
/// `generate openapi`, `list metrics`.
#[derive(Debug, Parser)]
#[command(
    version,
    name = "rollup-node",
    verbatim_doc_comment,
    args_override_self = true
)]
pub(super) struct Arguments {
    /// The command
    #[arg(value_name = "WORD")]
    pub(super) words: Vec<String>,
    /// Wallet: names of keys and rollups [default: ~/.tezos-client]
    #[arg(short = 'd', long)]
    pub(super) base_dir: Option<PathBuf>,
    /// A node of Layer 1; accepted and ignored
    #[arg(short = 'E', long)]
    pub(super) endpoint: Option<String>,
    #[arg(short = 'A', long, hide = true)]
    pub(super) addr: Option<String>,
    #[arg(short = 'P', long, hide = true)]
    pub(super) port: Option<String>,
    #[arg(short = 'S', long, hide = true)]
    pub(super) tls: bool,
    #[arg(short = 't', long, hide = true)]
    pub(super) timings: bool,
    #[arg(short = 'l', long, hide = true)]
    pub(super) log_requests: bool,
    #[arg(long, hide = true)]
    pub(super) better_errors: bool,
    #[arg(short = 'R', long, hide = true)]
    pub(super) remote_signer: Option<String>,
    #[arg(short = 'f', long, hide = true)]
    pub(super) password_filename: Option<String>,
    #[arg(long, hide = true)]
    pub(super) no_base_dir_warnings: bool,
    /// Where the node's files are [default: ~/.tezos-smart-rollup-node]
    #[arg(long)]
    pub(super) data_dir: Option<PathBuf>,
    /// The configuration [default: config.json in the data directory]
    #[arg(long)]
    pub(super) config_file: Option<PathBuf>,
    /// The mode, for the old form of `run`
    #[arg(long)]
    pub(super) mode: Option<String>,
    /// The rollup, for the old form of `run`
    #[arg(long)]
    pub(super) rollup: Option<String>,
    /// Where the RPC listens [default: 127.0.0.1]
    #[arg(long)]
    pub(super) rpc_addr: Option<String>,
    /// Its port; 0 for any [default: 8932]
    #[arg(long)]
    pub(super) rpc_port: Option<u16>,
    /// secure or allow-all: what clients on other machines may do
    #[arg(long)]
    pub(super) acl_override: Option<String>,
    /// Where metrics are served
    #[arg(long)]
    pub(super) metrics_addr: Option<String>,
    #[arg(long, hide = true)]
    pub(super) enable_performance_metrics: bool,
    #[arg(long, hide = true)]
    pub(super) disable_performance_metrics: bool,
    /// The first kernel: hexadecimal digits, or a module
    #[arg(long)]
    pub(super) boot_sector_file: Option<PathBuf>,
    /// archive or full [default: archive]
    #[arg(long)]
    pub(super) history_mode: Option<String>,
    /// Blocks between garbage collections
    #[arg(long)]
    pub(super) gc_frequency: Option<i32>,
    /// Writes what the kernel prints to kernel.log
    #[arg(long)]
    pub(super) log_kernel_debug: bool,
    /// Another file for it
    #[arg(long)]
    pub(super) log_kernel_debug_file: Option<PathBuf>,
    /// A service that has missing preimages
    #[arg(long)]
    pub(super) pre_images_endpoint: Option<String>,
    /// "LEVEL MESSAGE TICK …": makes these states wrong, to be refuted or found by `compare`; "reveal_dal_parameters SLOTS
    /// LAG SLOT_SIZE PAGE_SIZE" and "reveal_dal_page published_level:L slot_index:I page_index:P payload:HEX" (what is left out
    /// is any) lie to the kernel about the data availability layer
    #[arg(long, value_name = "POINTS")]
    pub(super) loser_mode: Option<String>,
    /// Another node with the same messages and --replay, which is refuted when its commitments are wrong
    #[arg(long, value_name = "URL")]
    pub(super) loser_peer: Option<String>,
    #[arg(long, hide = true)]
    pub(super) injector_retention_period: Option<u64>,
    #[arg(long, hide = true)]
    pub(super) injector_attempts: Option<u64>,
    #[arg(long, hide = true)]
    pub(super) injection_ttl: Option<u64>,
    #[arg(long, hide = true)]
    pub(super) reconnection_delay: Option<f64>,
    #[arg(long, hide = true)]
    pub(super) index_buffer_size: Option<u64>,
    #[arg(long, hide = true)]
    pub(super) irmin_cache_size: Option<u64>,
    #[arg(long, hide = true)]
    pub(super) dac_observer: Option<String>,
    #[arg(long, hide = true)]
    pub(super) dac_timeout: Option<String>,
    /// Web pages of these origins may ask
    #[arg(long, value_delimiter = ',')]
    pub(super) cors_origins: Vec<String>,
    /// Headers they may send
    #[arg(long, value_delimiter = ',')]
    pub(super) cors_headers: Vec<String>,
    /// A block that cannot be made ends the process
    #[arg(long)]
    pub(super) no_degraded: bool,
    #[arg(long, hide = true)]
    pub(super) bail_on_disagree: bool,
    #[arg(long, hide = true)]
    pub(super) apply_unsafe_patches: bool,
    #[arg(long, hide = true)]
    pub(super) etherlink: bool,
    #[arg(long, hide = true)]
    pub(super) profiling: Option<String>,
    #[arg(long, hide = true)]
    pub(super) l1_monitor_finalized: bool,
    #[arg(long, hide = true)]
    pub(super) commit_on: Option<String>,
    #[arg(long, hide = true)]
    pub(super) slow_vm_fallback: bool,
    /// Does not look at the kernel before it runs
    #[arg(long)]
    pub(super) unsafe_disable_wasm_kernel_checks: bool,
    /// A node of the data availability layer, which is only simulated here; accepted and ignored
    #[arg(long)]
    pub(super) dal_node: Option<String>,
    /// Replaces a configuration that is there
    #[arg(long)]
    pub(super) force: bool,
    /// v18 or new: the form of the configuration
    #[arg(long, default_value = "v18")]
    pub(super) config_style: String,
    /// What would only be warned of is an error
    #[arg(long)]
    pub(super) strict: bool,
    /// Seconds between blocks; 0 makes them on request only
    #[arg(long)]
    pub(super) block_time: Option<f64>,
    /// Makes the blocks at the start that time has missed since the newest one
    #[arg(long)]
    pub(super) catch_up: bool,
    /// Messages can become slots of a data availability layer, whose pages are files of dal_pages
    #[arg(long)]
    pub(super) simulate_dal: bool,
    /// Tells others states between two blocks, for `compare`
    #[arg(long)]
    pub(super) replay: bool,
    /// Messages of the first blocks, as for the debugger
    #[arg(long)]
    pub(super) inputs: Option<PathBuf>,
    /// Ends after them
    #[arg(long)]
    pub(super) exit_after_inputs: bool,
    /// The first level [default: 0]
    #[arg(long)]
    pub(super) origination_level: Option<i32>,
    /// Its time
    #[arg(long)]
    pub(super) start_timestamp: Option<String>,
    /// Times depend on levels only
    #[arg(long)]
    pub(super) deterministic: bool,
    /// The first protocol
    #[arg(long, default_value = "oxford_018")]
    pub(super) protocol: String,
    /// LEVEL:PROTOCOL, may be repeated
    #[arg(long)]
    pub(super) migrate: Vec<String>,
    /// fast, sandbox or mainnet: all constants at once [default: those that the data was made with, then fast]
    #[arg(long)]
    pub(super) preset: Option<String>,
    /// Levels from one commitment to the next [default: that of --preset]
    #[arg(long)]
    pub(super) commitment_period: Option<i32>,
    /// Levels for which a commitment can be challenged [default: that of --preset]
    #[arg(long)]
    pub(super) challenge_window: Option<i32>,
    /// Levels for which outbox messages can be executed [default: that of --preset]
    #[arg(long)]
    pub(super) max_active_outbox_levels: Option<i32>,
    /// Levels between the head and the finalized block [default: 2]
    #[arg(long)]
    pub(super) finality: Option<i32>,
    /// Batches in a block; 0 for as many as there are [default: one for each batching key]
    #[arg(long)]
    pub(super) batches_per_block: Option<usize>,
    /// Somebody else publishes and cements commitments when this mode does not [default: for observer, batcher, accuser]
    #[arg(long, overrides_with = "no_auto_operator")]
    pub(super) auto_operator: bool,
    /// Nobody publishes commitments for modes that do not
    #[arg(long)]
    pub(super) no_auto_operator: bool,
    /// The contract that sends, where no other is named
    #[arg(long)]
    pub(super) sender: Option<String>,
    /// The key that begins, where no other is named
    #[arg(long)]
    pub(super) source: Option<String>,
    /// A JSON line for each executed outbox message
    #[arg(long)]
    pub(super) outbox_log: Option<PathBuf>,
    /// A program that gets this line
    #[arg(long)]
    pub(super) outbox_hook: Option<String>,
    /// Seconds that a simulation may take
    #[arg(long, default_value_t = 30.0)]
    pub(super) simulate_timeout: f64,
    /// v18 or new: the shapes of JSON
    #[arg(long, default_value = "new")]
    pub(super) rpc_style: String,
    /// text or json
    #[arg(long, default_value = "text")]
    pub(super) log_format: String,
    /// No line for every block
    #[arg(long)]
    pub(super) quiet_blocks: bool,
    /// A running node, for send, transfer and bake
    #[arg(long, default_value = "http://127.0.0.1:8932")]
    pub(super) rollup_node_endpoint: String,
    /// Makes a block and tells its level, for send and transfer
    #[arg(long)]
    pub(super) wait: bool,
    /// Where a snapshot is written
    #[arg(long)]
    pub(super) dest: Option<PathBuf>,
    /// head, finalized, cemented or a level, of a snapshot
    #[arg(long)]
    pub(super) level: Option<String>,
    /// A snapshot that is not compressed
    #[arg(long)]
    pub(super) uncompressed: bool,
    #[arg(long, hide = true)]
    pub(super) compress_on_the_fly: bool,
    #[arg(long, hide = true)]
    pub(super) compact: bool,
    /// Does not look at what was imported
    #[arg(long)]
    pub(super) no_check: bool,
    /// The block of a dump
    #[arg(short = 'B', long, default_value = "head")]
    pub(super) block: String,
}

/// A place in the home directory.
pub(crate) fn home(below: &str) -> PathBuf {
    let home = std::env::var_os("HOME")
        .map(PathBuf::from)
        .unwrap_or_default();
    home.join(below)
}

pub(super) fn base_dir(arguments: &Arguments) -> PathBuf {
    arguments
        .base_dir
        .clone()
        .unwrap_or_else(|| home(".tezos-client"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Arguments;

    #[test]
    fn every_option_that_the_help_shows_has_a_text() {
        let command = Arguments::command();
        for option in command.get_arguments().filter(|it| !it.is_hide_set()) {
            let text = option.get_help().map(ToString::to_string);
            let words = text.as_deref().unwrap_or_default().split(' ').count();
            assert!(words > 1, "{}: {text:?}", option.get_id());
        }
    }

    #[test]
    fn the_list_of_commands_fits_a_terminal() {
        let command = Arguments::command();
        let text = command.get_long_about().map(ToString::to_string);
        let text = text.expect("it lists the commands");
        assert!(text.contains("replay blocks"), "{text}");
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}
