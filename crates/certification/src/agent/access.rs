//! Which paths of the state tree a user may read (interface specification, "Request: Read state").

use ic_principal::Principal;

use super::certifier::Certifier;
use super::network::Network;
use super::response::Response;
use super::target::Target;
use crate::request::{Authority, RequestId};
use crate::tree::Path;

const NOT_THE_SENDER: &str = "The user tries to access Request ID not signed by the caller.";

/// Who reads, and where.
pub(super) struct Reader<'a> {
    pub user: Principal,
    pub authority: &'a Authority,
    pub target: Target,
    pub network: &'a dyn Network,
}

impl Reader<'_> {
    /// # Errors
    /// The refusal, if the user may not read the path there.
    pub(super) fn check(&self, path: &Path, certifier: &Certifier) -> Result<(), Response> {
        let labels: Vec<&[u8]> = path.iter().map(|label| &label[..]).collect();
        match (self.target, &labels[..]) {
            (
                _,
                [b"time"]
                | [b"subnet", ..]
                | [b"canister_ranges", ..]
                | [b"api_boundary_nodes", ..],
            ) => Ok(()),
            (Target::Canister(_), [b"request_status", id] | [b"request_status", id, _]) => {
                self.request(id, certifier)
            }
            (
                Target::Canister(effective),
                [
                    b"canister",
                    id,
                    b"controllers"
                    | b"module_hash"
                    | b"canister_creation_timestamp"
                    | b"last_install_timestamp",
                ],
            ) => same(&effective, id),
            (Target::Canister(effective), [b"canister", id, b"metadata", name]) => {
                same(&effective, id)?;
                if std::str::from_utf8(name).is_err() {
                    return Err(Response::text(
                        400,
                        "Invalid path requested: a name of metadata is no UTF-8.",
                    ));
                }
                if certifier.may_read_metadata(&self.user, &effective, name) {
                    return Ok(());
                }
                let name = String::from_utf8_lossy(name);
                Err(Response::text(
                    403,
                    format!(
                        "Custom section {name:.100} can only be requested by the controllers of the canister."
                    ),
                ))
            }
            _ => Err(Response::text(400, "Invalid path requested.")),
        }
    }

    /// Only the sender may read a request's status, and only with delegations that allow the canister.
    fn request(&self, id: &[u8], certifier: &Certifier) -> Result<(), Response> {
        let Ok(id) = RequestId::try_from(id) else {
            return Err(Response::text(
                400,
                "Invalid path requested: a request id has 32 bytes.",
            ));
        };
        match certifier.request(&id) {
            Some((sender, _)) if *sender != self.user => Err(Response::text(403, NOT_THE_SENDER)),
            Some((_, canister)) if !self.authority.allows(canister) => Err(Response::text(
                403,
                "The user tries to access request IDs for canisters not belonging to sender delegation targets.",
            )),
            None if self
                .network
                .sender(&id)
                .is_some_and(|sender| sender != self.user) =>
            {
                Err(Response::text(403, NOT_THE_SENDER))
            }
            _ => Ok(()),
        }
    }
}

fn same(effective: &Principal, id: &[u8]) -> Result<(), Response> {
    if effective.as_slice() == id {
        return Ok(());
    }
    let asked = Principal::try_from_slice(id).map_or_else(|_| hex::encode(id), |id| id.to_text());
    Err(Response::text(
        400,
        format!(
            "Effective principal id in URL {effective} does not match requested principal id: {asked}."
        ),
    ))
}
