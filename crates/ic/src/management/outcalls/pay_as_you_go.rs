//! HTTP outcalls of pricing version 2 (since-october-2025.md 4.2): what is charged before, what each node may spend, and what of
//! that comes back. All nodes do the same here, and no time is charged for, as with the mocks of PocketIC.

use super::limits::too_large;
use super::{MAX_BYTES, MAX_REQUESTS, Outcalls, request_bytes};
use crate::canister::consumed::Purpose;
use crate::canister::queues::Request;
use crate::errors::{ErrorCode, ManagementError, OutcallError, UserError};
use crate::fees::Fees;
use crate::management::State;
use crate::management::call::Call;
use crate::management::types::http::HttpRequestArgs;
use crate::outcall::{Outcall, OutcallKind, Replication};

/// Milliseconds that a node waits at the most.
const MAX_ROUNDTRIP_MS: u64 = 60_000;
/// Instructions that a transform function may use.
const MAX_TRANSFORM_INSTRUCTIONS: u64 = 5_000_000_000;
/// Bytes by which an encoded answer may be larger than the limit of its body.
const CANDID_OVERHEAD: u64 = 1024;

/// How an outcall is paid for.
#[derive(Clone, Debug)]
pub struct Pay {
    /// Who performs it.
    pub kind: OutcallKind,
    /// How many nodes do.
    pub performing: u64,
    /// Cycles that each of them may spend.
    pub allowance: u128,
    /// Bytes that an answer may have.
    pub max_bytes: u64,
    /// Nothing costs anything.
    pub free: bool,
}

/// What becomes of an outcall whose nodes have reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conclusion {
    /// The answer, which may have become too expensive.
    pub result: Result<Vec<u8>, Shortage>,
    /// Cycles that were spent.
    pub spent: u128,
    /// Cycles that come back.
    pub credit: u128,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shortage {
    /// A node has no answer for this reason.
    Node(UserError),
    /// What the nodes have left does not suffice to deliver it.
    Delivery(UserError),
}

impl Shortage {
    /// As the caller of an ordinary outcall is told.
    pub fn into_error(self) -> UserError {
        match self {
            Shortage::Node(error) | Shortage::Delivery(error) => error,
        }
    }
}

impl Pay {
    /// Bytes of the largest answer that a node takes: what it may be, or what the node can pay for.
    pub(super) fn limit(&self) -> u64 {
        match self.free {
            true => self.max_bytes,
            false => (self.allowance / 50).min(self.max_bytes.into()) as u64,
        }
    }

    /// What nodes report: the answer as they would deliver it, `copies` times, or their error, and what it took.
    pub fn conclude(
        &self,
        fees: &Fees,
        raw_bytes: u64,
        transform_instructions: u64,
        answer: Result<Vec<u8>, UserError>,
        copies: u64,
    ) -> Conclusion {
        let granted = self.allowance.saturating_mul(self.performing.into());
        let limit = self.limit();
        let node = |error, spent: u128| {
            let spent = spent.min(self.allowance) * u128::from(self.performing);
            Conclusion {
                result: Err(Shortage::Node(error)),
                spent,
                credit: granted - spent,
            }
        };
        if raw_bytes > limit {
            return node(too_large(limit), 50 * u128::from(limit));
        }
        let bytes = answer.as_ref().map_or(0, |answer| answer.len() as u64);
        let used = fees.outcall_usage(&Outcall {
            request_bytes: 0,
            roundtrip_ms: 0,
            raw_response_bytes: raw_bytes,
            transformed_response_bytes: bytes,
            transform_instructions,
            kind: self.kind,
        });
        if used > self.allowance && !self.free {
            let error = UserError::new(ErrorCode::CanisterRejectedMessage, "Insufficient cycles");
            return node(error, used);
        }
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return node(error, used),
        };
        let all_used = used * u128::from(self.performing);
        let more = match self.kind {
            OutcallKind::Flexible(Some(counts)) => {
                copies.saturating_sub(counts.min_responses.into())
            }
            _ => 0,
        };
        let delivery = fees.outcall_delivery(bytes.saturating_mul(copies), more);
        if all_used + delivery > granted && !self.free {
            let text = format!(
                "Out of cycles: delivering the answer takes {delivery} cycles, and {} are left.",
                granted - all_used
            );
            let error = UserError::new(ErrorCode::CanisterRejectedMessage, text);
            return Conclusion {
                result: Err(Shortage::Delivery(error)),
                spent: all_used,
                credit: granted - all_used,
            };
        }
        let spent = all_used + delivery;
        Conclusion {
            result: Ok(answer),
            spent,
            credit: granted.saturating_sub(spent),
        }
    }
}

/// Charges the base fee, grants the nodes their allowances and leaves the request to wait.
pub(super) fn send(
    state: &mut State,
    outcalls: &mut Outcalls,
    call: &Call<'_>,
    request: &Request,
    args: HttpRequestArgs,
    kind: OutcallKind,
) -> Result<Option<Vec<u8>>, ManagementError> {
    let request_bytes = request_bytes(&args);
    let required = state.fees.outcall_base(kind, request_bytes);
    let Some(rest) = request.cycles.checked_sub(required) else {
        return Err(OutcallError::NotEnoughCycles {
            method: call.name.to_owned(),
            sent: request.cycles,
            required,
        }
        .into());
    };
    if outcalls.waiting.len() >= MAX_REQUESTS {
        let max = MAX_REQUESTS as u64;
        return Err(OutcallError::TooManyRequests { max }.into());
    }
    let max_bytes = args.max_response_bytes.unwrap_or(MAX_BYTES);
    let performing = match kind {
        OutcallKind::FullyReplicated => state.config.nodes,
        OutcallKind::NonReplicated => 1,
        OutcallKind::Flexible(counts) => counts
            .unwrap_or_else(|| Replication::default_of(state.config.nodes))
            .total_requests
            .into(),
    };
    let most = state.fees.outcall_quote(&Outcall {
        request_bytes,
        roundtrip_ms: MAX_ROUNDTRIP_MS,
        raw_response_bytes: max_bytes,
        transformed_response_bytes: max_bytes + CANDID_OVERHEAD,
        transform_instructions: match args.transform {
            Some(_) => MAX_TRANSFORM_INSTRUCTIONS,
            None => 0,
        },
        kind,
    });
    let allowance = rest.min(most.saturating_sub(required)) / u128::from(performing);
    state.charged(required);
    if let Some(caller) = state.canisters.get_mut(&request.sender) {
        caller.consumed.add(Purpose::HttpOutcalls, required);
    }
    let left = rest - allowance * u128::from(performing);
    let pay = Pay {
        kind,
        performing,
        allowance,
        max_bytes,
        free: state.fees.free(),
    };
    outcalls.wait(state, request, left, args, Some(pay));
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::NodeSettings;
    use crate::protocol::{Protocol, SubnetType};

    fn pay(kind: OutcallKind, performing: u64, allowance: u128) -> Pay {
        Pay {
            kind,
            performing,
            allowance,
            max_bytes: 1000,
            free: false,
        }
    }

    fn fees() -> Fees {
        let settings = NodeSettings::new(Protocol::NOVEMBER_2026, SubnetType::Application);
        Fees::new(&settings)
    }

    /// Thirteen nodes, 100 bytes raw, 1,300 instructions, 200 bytes delivered: 13 · (5,000 + 100) and 9,490 · 200.
    #[test]
    fn what_is_not_spent_comes_back() {
        let pay = pay(OutcallKind::FullyReplicated, 13, 1_000_000);
        let conclusion = pay.conclude(&fees(), 100, 1_300, Ok(vec![0; 200]), 1);
        let spent = 13 * 5_100 + 9_490 * 200;
        assert_eq!(conclusion.spent, spent);
        assert_eq!(conclusion.credit, 13_000_000 - spent);
        assert_eq!(conclusion.result, Ok(vec![0; 200]));
    }

    #[test]
    fn an_allowance_bounds_bytes_work_and_delivery() {
        let texts = |allowance, raw, instructions, bytes| {
            let pay = pay(OutcallKind::FullyReplicated, 13, allowance);
            let answer = Ok(vec![0; bytes]);
            let conclusion = pay.conclude(&fees(), raw, instructions, answer, 1);
            assert_eq!(conclusion.spent + conclusion.credit, 13 * allowance);
            let error = conclusion.result.expect_err("too little").into_error();
            (error.code.reject_code().number(), error.description)
        };
        assert_eq!(
            texts(1_000_000, 1001, 0, 1),
            (1, "Http body exceeds size limit of 1000 bytes.".to_owned())
        );
        assert_eq!(
            texts(4_999, 100, 0, 1),
            (1, "Http body exceeds size limit of 99 bytes.".to_owned())
        );
        assert_eq!(
            texts(5_050, 100, 1_300, 1),
            (4, "Insufficient cycles".to_owned())
        );
        let (code, text) = texts(5_100, 100, 1_300, 1);
        assert_eq!(code, 4);
        assert!(text.starts_with("Out of cycles: "), "{text}");
    }
}
