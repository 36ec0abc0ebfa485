//! Why a query of a user fails outside the code of the canister, and what ends a composite query as a whole (errors.md, 2.7 and section 6).
//! A callee of a composite query fails with the same texts, without the code. Owns the texts, not the limits.

use candid::Principal;

use super::code::ErrorCode;
use super::{Help, Row, UserError};

/// The failure of a non-replicated query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryError {
    /// No such canister; below a composite query, also the management canister, under the id of the subnet.
    CanisterNotFound(Principal),
    /// The canister is stopped.
    Stopped(Principal),
    /// The canister is being stopped.
    Stopping(Principal),
    /// The balance is below the freezing threshold.
    Frozen(Principal),
    /// The query ended without an answer.
    NoResponse(Principal),
    /// No such query of the management canister.
    UnknownManagementMethod(String),
    /// Composite queries are nested too deeply.
    TooDeep,
    /// The tree of calls used up its instructions.
    OutOfInstructions,
    /// The tree of calls took too long.
    OutOfTime,
    /// The configuration does not have composite queries.
    CompositeDisabled,
    /// An http request names a composite query as its transform.
    CompositeTransform,
}

impl From<QueryError> for UserError {
    #[rustfmt::skip] // a table
    fn from(error: QueryError) -> Self {
        use ErrorCode as Code;
        use QueryError::*;
        let row: Row = match error {
            CanisterNotFound(id) => (Code::CanisterNotFound, format!("Canister {id} not found"), Help::None),
            Stopped(id) => (Code::CanisterStopped, format!("Canister {id} is stopped and therefore does not have a CallContextManager"), Help::None),
            Stopping(id) => (Code::CanisterStopping, format!("Canister {id} is not running"), Help::None),
            Frozen(id) => (Code::CanisterOutOfCycles, format!("Canister {id} is unable to process query calls because it's frozen. Please top up the canister with cycles and try again."), Help::None),
            NoResponse(id) => (Code::CanisterDidNotReply, format!("Canister {id} did not produce a response"), Help::None),
            UnknownManagementMethod(method) => (Code::CanisterMethodNotFound, format!("Query method {method} not found."), Help::None),
            TooDeep => (Code::QueryCallGraphTooDeep, "Composite query calls exceeded the maximum call depth.".into(), Help::None),
            OutOfInstructions => (Code::QueryCallGraphTotalInstructionLimitExceeded, "Composite query calls exceeded the instruction limit.".into(), Help::None),
            OutOfTime => (Code::QueryTimeLimitExceeded, "Composite query call exceeded the time limit.".into(), Help::None),
            CompositeDisabled => (Code::CanisterContractViolation, "Composite queries are not enabled yet".into(), Help::None),
            CompositeTransform => (Code::CompositeQueryCalledInReplicatedMode, "Composite query cannot be used as transform in canister http outcalls.".into(), Help::None),
        };
        UserError::from_row(row)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Reject;
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn every_error_has_its_code_and_text() {
        use QueryError::*;
        let id = Principal::from_text("rwlgt-iiaaa-aaaaa-aaaaa-cai").unwrap();
        for (error, printed) in [
            (CanisterNotFound(id), "IC0301: Canister rwlgt-iiaaa-aaaaa-aaaaa-cai not found"),
            (Stopped(id), "IC0508: Canister rwlgt-iiaaa-aaaaa-aaaaa-cai is stopped and therefore does not have a CallContextManager"),
            (Stopping(id), "IC0509: Canister rwlgt-iiaaa-aaaaa-aaaaa-cai is not running"),
            (Frozen(id), "IC0207: Canister rwlgt-iiaaa-aaaaa-aaaaa-cai is unable to process query calls because it's frozen. Please top up the canister with cycles and try again."),
            (NoResponse(id), "IC0506: Canister rwlgt-iiaaa-aaaaa-aaaaa-cai did not produce a response"),
            (UnknownManagementMethod("canister_info".into()), "IC0536: Query method canister_info not found."),
            (TooDeep, "IC0525: Composite query calls exceeded the maximum call depth."),
            (OutOfInstructions, "IC0526: Composite query calls exceeded the instruction limit."),
            (OutOfTime, "IC0528: Composite query call exceeded the time limit."),
            (CompositeDisabled, "IC0504: Composite queries are not enabled yet"),
            (CompositeTransform, "IC0527: Composite query cannot be used as transform in canister http outcalls."),
        ] {
            assert_eq!(UserError::from(error).to_string(), printed);
        }
    }

    #[test]
    fn a_composite_query_gets_the_text_without_the_code() {
        let id = Principal::from_text("rwlgt-iiaaa-aaaaa-aaaaa-cai").unwrap();
        let reject = Reject::without_code(QueryError::NoResponse(id).into());
        assert_eq!(reject.code.number(), 5);
        assert_eq!(
            reject.message,
            "Canister rwlgt-iiaaa-aaaaa-aaaaa-cai did not produce a response"
        );
    }
}
