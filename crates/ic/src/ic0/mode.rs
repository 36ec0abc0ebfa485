//! In which context an entry point runs, and the groups of contexts that functions are allowed in (system-api.md 1.2).

/// The context of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The module's `start` function.
    Start,
    /// `canister_init` and `canister_post_upgrade`.
    Init,
    /// `canister_pre_upgrade`.
    PreUpgrade,
    /// An update method.
    Update,
    /// A query method in replicated execution.
    ReplicatedQuery,
    /// A query method asked by a user.
    Query,
    /// The query method that transforms the response of an HTTP outcall.
    Transform,
    /// A composite query method, and a query method that one calls.
    CompositeQuery,
    /// A reply callback.
    Reply,
    /// A reject callback.
    Reject,
    /// A reply callback of a composite query.
    CompositeReply,
    /// A reject callback of a composite query.
    CompositeReject,
    /// A cleanup callback.
    Cleanup,
    /// A cleanup callback of a composite query.
    CompositeCleanup,
    /// `canister_inspect_message`.
    Inspect,
    /// `canister_heartbeat`.
    Heartbeat,
    /// `canister_global_timer`.
    GlobalTimer,
    /// `canister_on_low_wasm_memory`.
    LowMemory,
}

impl Mode {
    /// What a callback is called that runs in this mode.
    pub fn callback_name(self) -> &'static str {
        match self {
            Mode::Reply | Mode::CompositeReply => "reply callback",
            Mode::Reject | Mode::CompositeReject => "reject callback",
            _ => "cleanup callback",
        }
    }
}

/// A set of modes.
pub type Modes = u32;

const fn set(modes: &[Mode]) -> Modes {
    let mut bits = 0;
    let mut i = 0;
    while i < modes.len() {
        bits |= 1 << modes[i] as u32;
        i += 1;
    }
    bits
}

use Mode::*;

/// Every context.
pub const ALL: Modes = (1 << 18) - 1;
/// Every context but `start`.
pub const NOT_START: Modes = ALL & !set(&[Start]);
/// Heartbeat, timer and low-memory hook.
const TASKS: Modes = set(&[Heartbeat, GlobalTimer, LowMemory]);
/// Where there is an argument or a reply to read.
pub const ARGUMENT: Modes = set(&[
    Init,
    Update,
    ReplicatedQuery,
    Query,
    Transform,
    CompositeQuery,
    Reply,
    CompositeReply,
    Inspect,
]);
/// Reply and reject callbacks.
pub const REJECT_CODE: Modes = set(&[Reply, Reject, CompositeReply, CompositeReject]);
/// The same, and their cleanup.
pub const REJECT_CODE_AND_CLEANUP: Modes = REJECT_CODE | set(&[Cleanup]);
/// Reject callbacks.
pub const REJECT_MESSAGE: Modes = set(&[Reject, CompositeReject]);
/// Where a call is being answered.
pub const ANSWER: Modes = set(&[
    Update,
    ReplicatedQuery,
    Query,
    Transform,
    CompositeQuery,
    Reply,
    Reject,
    CompositeReply,
    CompositeReject,
]);
/// Where there may be somebody outside who called, with information about it.
pub const CALLER_INFO: Modes = set(&[
    Update,
    ReplicatedQuery,
    Query,
    CompositeQuery,
    Reply,
    Reject,
    CompositeReply,
    CompositeReject,
    Cleanup,
    CompositeCleanup,
    Inspect,
]);
/// Only `canister_inspect_message`.
pub const INSPECT: Modes = set(&[Inspect]);
/// Where cycles of the caller may be accepted.
pub const ACCEPT_CYCLES: Modes = set(&[Update, ReplicatedQuery, Reply, Reject]);
/// Where refunded cycles can be seen.
pub const REFUND: Modes = set(&[Reply, Reject]);
/// Where cycles may be burned.
pub const BURN: Modes = set(&[
    Init,
    PreUpgrade,
    Update,
    ReplicatedQuery,
    Reply,
    Reject,
    Cleanup,
]) | TASKS;
/// Where cycles may be minted or attached to a call.
pub const SEND_CYCLES: Modes = set(&[Update, Reply, Reject]) | TASKS;
/// Where calls may be made.
pub const CALL: Modes = set(&[
    Update,
    CompositeQuery,
    Reply,
    Reject,
    CompositeReply,
    CompositeReject,
]) | TASKS;
/// Where certified data may be set.
pub const CERTIFY: Modes = set(&[Init, PreUpgrade, Update, Reply, Reject]) | TASKS;
/// Where a certificate may be read.
pub const CERTIFICATE: Modes = set(&[Query, CompositeQuery]);
/// Where the global timer may be set.
pub const TIMER: Modes = set(&[Init, PreUpgrade, Update, Reply, Reject, Cleanup]) | TASKS;
/// Where the root key may be read.
pub const ROOT_KEY: Modes = set(&[
    Init,
    PreUpgrade,
    Update,
    ReplicatedQuery,
    Reply,
    Reject,
    Cleanup,
]) | TASKS;
/// Where growing the heap may not exceed the Wasm memory limit (system-api.md 3.1).
pub const WASM_MEMORY_LIMIT: Modes = set(&[Start, Init, Update]);
/// Where growing memory may not freeze the canister.
pub const FREEZING_CHECK: Modes = set(&[Update]) | TASKS;
/// Replicated contexts.
const REPLICATED: Modes = set(&[
    Start,
    Init,
    PreUpgrade,
    Update,
    ReplicatedQuery,
    Reply,
    Reject,
    Cleanup,
]) | TASKS;
/// The whole of queries of any sort, whose stable memory budget is smaller (system-api.md 4.4).
const QUERIES: Modes = set(&[
    ReplicatedQuery,
    Query,
    Transform,
    CompositeQuery,
    CompositeReply,
    CompositeReject,
    CompositeCleanup,
    Inspect,
]);

impl Mode {
    /// True if the mode is in the set.
    pub fn is_in(self, modes: Modes) -> bool {
        modes & (1 << self as u32) != 0
    }

    /// The name in the text of a function called in the wrong context.
    pub fn name(self) -> &'static str {
        match self {
            Start => "start",
            Init => "init",
            PreUpgrade => "pre upgrade",
            Update => "update",
            ReplicatedQuery => "replicated query",
            Query => "non replicated query",
            Transform => "transform",
            CompositeQuery => "composite query",
            Reply => "reply callback",
            Reject => "reject callback",
            CompositeReply => "composite reply callback",
            CompositeReject => "composite reject callback",
            Cleanup => "cleanup",
            CompositeCleanup => "composite cleanup",
            Inspect => "inspect message",
            Heartbeat => "heartbeat",
            GlobalTimer => "global timer",
            LowMemory => "on low Wasm memory",
        }
    }

    /// True for replicated execution.
    pub fn replicated(self) -> bool {
        self.is_in(REPLICATED)
    }

    /// 4 KiB pages of stable memory that one execution may access, and as many that it may write.
    pub fn stable_page_budget(self) -> u64 {
        const PAGES_PER_GIB: u64 = 1 << 18;
        match self {
            Init | PreUpgrade => 8 * PAGES_PER_GIB,
            mode if mode.is_in(QUERIES) => PAGES_PER_GIB,
            _ => 2 * PAGES_PER_GIB,
        }
    }

    /// True where changed heap pages are charged (metering.md 4.1).
    pub fn charges_heap_pages(self) -> bool {
        !matches!(self, ReplicatedQuery | Query | Transform | Inspect)
    }

    /// Bytes that an answer may have.
    pub fn max_answer_bytes(self) -> u64 {
        match self {
            Query | Transform | CompositeQuery => 3_145_728,
            _ => 2_097_152,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two rows of the matrix of system-api.md 1.2, column by column.
    #[test]
    fn sets_are_those_of_the_matrix() {
        let columns = [
            Start,
            Init,
            PreUpgrade,
            Update,
            ReplicatedQuery,
            Query,
            CompositeQuery,
            Reply,
            Reject,
            CompositeReply,
            CompositeReject,
            Cleanup,
            CompositeCleanup,
            Inspect,
            Heartbeat,
        ];
        let row = |modes| -> String {
            columns
                .iter()
                .map(|mode| if mode.is_in(modes) { 'x' } else { '.' })
                .collect()
        };
        assert_eq!(row(ARGUMENT), ".x.xxxxx.x...x.");
        assert_eq!(row(NOT_START), ".xxxxxxxxxxxxxx");
        assert_eq!(row(REJECT_CODE), ".......xxxx....");
        assert_eq!(row(REJECT_CODE_AND_CLEANUP), ".......xxxxx...");
        assert_eq!(row(CALLER_INFO), "...xxxxxxxxxxx.");
        assert_eq!(row(REJECT_MESSAGE), "........x.x....");
        assert_eq!(row(ANSWER), "...xxxxxxxx....");
        assert_eq!(row(INSPECT), ".............x.");
        assert_eq!(row(ACCEPT_CYCLES), "...xx..xx......");
        assert_eq!(row(REFUND), ".......xx......");
        assert_eq!(row(BURN), ".xxxx..xx..x..x");
        assert_eq!(row(SEND_CYCLES), "...x...xx.....x");
        assert_eq!(row(CALL), "...x..xxxxx...x");
        assert_eq!(row(CERTIFY), ".xxx...xx.....x");
        assert_eq!(row(CERTIFICATE), ".....xx........");
        assert_eq!(row(TIMER), ".xxx...xx..x..x");
        assert_eq!(row(ROOT_KEY), ".xxxx..xx..x..x");
        assert_eq!(row(REPLICATED), "xxxxx..xx..x..x");
    }
}
