//! The endpoints below `/api/` that agents talk to, from the bytes of a body to status, headers and bytes (pocket-ic-api 3.10 and 8.4).
//! Keys, trees and signatures are here; canisters, clock and rounds are the host's, behind [`Network`]. Nothing is signed that nobody
//! asked for, and the state of a round is signed once.
//!
//! A host makes one [`Endpoint`] per instance, tells it the subnets, and hands it every request together with its [`Network`].
//! This one has a single subnet and a canister that answers every call with the argument:
//!
//! ```
//! use drun_certification::agent::*;
//! use drun_certification::{Principal, SubnetKey, request::RequestId};
//!
//! #[derive(Default)]
//! struct Echo { time: u64, rounds: u64, requests: Vec<Request> }
//! const CANISTER: Principal = Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 7, 1, 1]);
//!
//! impl Network for Echo {
//!     fn time(&self) -> u64 { self.time }
//!     fn subnet_of(&self, _: &Principal) -> Option<Principal> { Some(SubnetKey::from_seed(b"root").id()) }
//!     fn version(&self, _: &Principal) -> u64 { self.rounds }
//!     fn state(&self, _: &Principal) -> State {
//!         State { time: self.time, requests: self.requests.clone(), ..State::default() }
//!     }
//!     fn sections(&self, _: &Principal, _: &Principal) -> Vec<Section> { vec![] }
//!     fn is_done(&self, _: &Principal, id: &RequestId) -> bool { self.requests.iter().any(|request| request.id == *id) }
//!     fn submit(&mut self, message: Message) -> Result<Principal, NotTaken> {
//!         let status = Status::Replied(message.call.argument.into());
//!         self.requests.push(Request { id: message.id, sender: message.sender, canister: message.call.canister, status });
//!         Ok(message.subnet)
//!     }
//!     fn query(&mut self, message: Message) -> Result<Vec<u8>, NotTaken> { Ok(message.call.argument) }
//! }
//!
//! let mut endpoint = Endpoint::new(Subnet::new(SubnetKey::from_seed(b"root"), "application", vec![(CANISTER, CANISTER)], 13));
//! let mut echo = Echo::default();
//! assert_eq!(endpoint.status().status, 200);
//! # use ciborium::Value;
//! # let bytes = |bytes: &[u8]| Value::Bytes(bytes.to_vec());
//! # let content = |kind: &str| Value::Map(vec![("request_type".into(), kind.into()), ("sender".into(), bytes(&[4])),
//! #     ("ingress_expiry".into(), 9.into()), ("canister_id".into(), bytes(CANISTER.as_slice())),
//! #     ("method_name".into(), "echo".into()), ("arg".into(), bytes(b"hi"))]);
//! # let body = |kind: &str| drun_certification::cbor::encode(Value::Map(vec![("content".into(), content(kind))]));
//! let target = Target::Canister(CANISTER);
//! let response = endpoint.query(&mut echo, target, &body("query"));
//! assert_eq!(response.status, 200);
//!
//! // POST /api/v4/canister/<id>/call: run rounds until the answer is there, or give up after ten seconds.
//! let Step::Waiting(pending) = endpoint.call(&mut echo, Version::V4, target, &body("call")) else { panic!() };
//! echo.rounds += 1;
//! let response = endpoint.answer(&echo, &pending).unwrap_or_else(|| pending.timed_out());
//! assert_eq!(response.status, 200);
//! ```

mod access;
mod answers;
mod certifier;
mod endpoint;
mod network;
mod node_key;
mod response;
mod target;
#[cfg(test)]
mod tests;

pub use certifier::Subnet;
pub use endpoint::{Endpoint, Pending, Step, Version};
pub use network::{
    CanisterState, Message, Metrics, Network, NotTaken, Reject, Request, Section, State, Status,
};
pub use node_key::NodeKey;
pub use response::{MAX_BODY, Response};
pub use target::Target;
