//! An HTTP outcall as its price sees it, and how `ic0.cost_http_request_v2` is told of one (since-october-2025.md 1.1 and 4.4).
//! Owns numbers and their wire form; what they cost is `fees`' business, how an outcall goes that of `management`.

use candid::de::IDLDeserialize;
use candid::{CandidType, DecoderConfig, Deserialize, Reserved};

/// How many answers a flexible outcall wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct Replication {
    /// Fewer are not enough.
    pub min_responses: u32,
    /// More are not told.
    pub max_responses: u32,
    /// So many nodes ask.
    pub total_requests: u32,
}

impl Replication {
    /// What holds on a subnet of so many nodes if nothing is asked for.
    pub fn default_of(nodes: u64) -> Self {
        let nodes = u32::try_from(nodes).unwrap_or(u32::MAX);
        Replication {
            min_responses: (u64::from(nodes) * 2 / 3 + 1) as u32,
            max_responses: nodes,
            total_requests: nodes,
        }
    }

    /// The rule of the counts on a subnet of so many nodes.
    pub fn is_valid(&self, nodes: u64) -> bool {
        self.min_responses <= self.max_responses
            && self.max_responses <= self.total_requests
            && self.total_requests >= 1
            && u64::from(self.total_requests) <= nodes
    }
}

/// Who performs an outcall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutcallKind {
    /// All nodes, which then agree.
    FullyReplicated,
    /// One node.
    NonReplicated,
    /// Several nodes, each with an answer of its own.
    Flexible(Option<Replication>),
}

/// What an outcall takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcall {
    /// Bytes of URL, headers, body, and name and context of the transform function.
    pub request_bytes: u64,
    /// Milliseconds until the answer is there.
    pub roundtrip_ms: u64,
    /// Bytes of the answer as it comes.
    pub raw_response_bytes: u64,
    /// Bytes of the answer as it is delivered.
    pub transformed_response_bytes: u64,
    /// Instructions of the transform function.
    pub transform_instructions: u64,
    /// Who performs it.
    pub kind: OutcallKind,
}

/// The same on the wire.
#[derive(CandidType, Deserialize)]
struct Parameters {
    request_bytes: u64,
    http_roundtrip_time_ms: u64,
    raw_response_bytes: u64,
    transformed_response_bytes: u64,
    transform_instructions: u64,
    outcall_type: Option<Type>,
}

#[derive(CandidType, Deserialize)]
enum Type {
    #[serde(rename = "fully_replicated")]
    FullyReplicated(Reserved),
    #[serde(rename = "non_replicated")]
    NonReplicated(Reserved),
    #[serde(rename = "flexible")]
    Flexible(Option<Replication>),
}

/// Work that the decoder may spend on what nobody asked for.
const SKIPPING_QUOTA: usize = 64;

impl Outcall {
    /// From the parameters of `ic0.cost_http_request_v2`: exactly one value. Nothing if it is something else.
    pub fn decode(blob: &[u8]) -> Option<Self> {
        let mut config = DecoderConfig::new();
        config.set_skipping_quota(SKIPPING_QUOTA);
        let mut values = IDLDeserialize::new_with_config(blob, &config).ok()?;
        let parameters: Parameters = values.get_value().ok()?;
        if !values.is_done() {
            return None;
        }
        values.done().ok()?;
        Some(Outcall {
            request_bytes: parameters.request_bytes,
            roundtrip_ms: parameters.http_roundtrip_time_ms,
            raw_response_bytes: parameters.raw_response_bytes,
            transformed_response_bytes: parameters.transformed_response_bytes,
            transform_instructions: parameters.transform_instructions,
            kind: match parameters.outcall_type {
                None | Some(Type::FullyReplicated(_)) => OutcallKind::FullyReplicated,
                Some(Type::NonReplicated(_)) => OutcallKind::NonReplicated,
                Some(Type::Flexible(counts)) => OutcallKind::Flexible(counts),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(outcall_type: Option<Type>) -> Parameters {
        Parameters {
            request_bytes: 1,
            http_roundtrip_time_ms: 2,
            raw_response_bytes: 3,
            transformed_response_bytes: 4,
            transform_instructions: 5,
            outcall_type,
        }
    }

    #[test]
    fn parameters_are_one_value_of_one_type() {
        let kind = |outcall_type| {
            let blob = candid::encode_one(parameters(outcall_type)).expect("encodes");
            Outcall::decode(&blob).map(|outcall| outcall.kind)
        };
        assert_eq!(kind(None), Some(OutcallKind::FullyReplicated));
        assert_eq!(
            kind(Some(Type::NonReplicated(Reserved))),
            Some(OutcallKind::NonReplicated)
        );
        assert_eq!(
            kind(Some(Type::Flexible(None))),
            Some(OutcallKind::Flexible(None))
        );
        let two = candid::encode_args((parameters(None), parameters(None))).expect("encodes");
        assert_eq!(Outcall::decode(&two), None, "two values");
        let less = candid::encode_one((1u64, 2u64)).expect("encodes");
        assert_eq!(Outcall::decode(&less), None, "other fields");
        assert_eq!(Outcall::decode(b""), None);
        assert_eq!(Outcall::decode(b"DIDL\0\0"), None, "no value");
    }

    #[test]
    fn counts_of_a_flexible_outcall_are_ordered_and_fit_the_subnet() {
        let counts = |min_responses, max_responses, total_requests| Replication {
            min_responses,
            max_responses,
            total_requests,
        };
        assert_eq!(Replication::default_of(13), counts(9, 13, 13));
        assert_eq!(Replication::default_of(1), counts(1, 1, 1));
        for (it, valid) in [
            (counts(0, 0, 1), true),
            (counts(0, 0, 0), false),
            (counts(2, 1, 3), false),
            (counts(1, 4, 3), false),
            (counts(1, 4, 14), false),
            (counts(13, 13, 13), true),
        ] {
            assert_eq!(it.is_valid(13), valid, "{it:?}");
        }
    }
}
