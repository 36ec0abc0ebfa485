//! What a user of a network asks for in vain, with the texts of a PocketIC server (pocket-ic-api.md 2.5 to 2.7). What canisters and the
//! management canister refuse is not here but in `errors`.

use std::fmt;

use candid::Principal;

/// A request that cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetError {
    /// A call has no place to go, or cannot be taken.
    BadIngress(String),
    /// The clock does not go back: its time, and the time asked for.
    TimeInPast(u64, u64),
    /// There is no such canister.
    CanisterNotFound(Principal),
    /// The canister has no code.
    CanisterIsEmpty(Principal),
    /// There is no such subnet.
    SubnetNotFound(Principal),
    /// No HTTP request of this number waits on the subnet.
    NoSuchOutcall(Principal, u64),
    /// So many responses, one of each node, for a subnet of so many nodes.
    OutcallResponses(usize, u64),
    /// Not a reject code.
    RejectCode(u64),
    /// Who asks for the result of a message has not sent it.
    NotTheSender,
    /// A subnet that the network cannot do without, and why.
    CannotDelete(Principal, &'static str),
    /// A state that was written cannot be gone on with.
    BrokenState(String),
    /// The machine has no room.
    OutOfMemory(String),
}

impl fmt::Display for NetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NetError::BadIngress(text) => write!(f, "BadIngressMessage({text:?})"),
            NetError::TimeInPast(now, asked) => {
                write!(f, "SettingTimeIntoPast(({now}, {asked}))")
            }
            NetError::CanisterNotFound(id) => write!(f, "CanisterNotFound(CanisterId({id}))"),
            NetError::CanisterIsEmpty(id) => write!(f, "CanisterIsEmpty(CanisterId({id}))"),
            NetError::SubnetNotFound(id) => write!(f, "SubnetNotFound({id})"),
            NetError::NoSuchOutcall(subnet, id) => {
                write!(f, "InvalidCanisterHttpRequestId(({subnet}, {id}))")
            }
            NetError::OutcallResponses(given, nodes) => {
                write!(f, "InvalidMockCanisterHttpResponses(({given}, {nodes}))")
            }
            NetError::RejectCode(code) => write!(f, "InvalidRejectCode({code})"),
            NetError::NotTheSender => {
                f.write_str("The user tries to access Request ID not signed by the caller.")
            }
            NetError::CannotDelete(id, why) => {
                write!(f, "The subnet {id} cannot be deleted: {why}")
            }
            NetError::BrokenState(text) => write!(f, "The state cannot be restored: {text}"),
            NetError::OutOfMemory(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for NetError {}
