//! The principal in the address of a request.

use ic_principal::Principal;

use super::response::Response;

/// The principal in the address of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// `/api/…/canister/<id>/…`: the effective canister id.
    Canister(Principal),
    /// `/api/…/subnet/<id>/…`.
    Subnet(Principal),
}

impl Target {
    /// Reads the id of a canister in an address.
    ///
    /// # Errors
    /// The answer, if it is no principal.
    pub fn canister(text: &str) -> Result<Self, Response> {
        id(text).map(Target::Canister)
    }

    /// Reads the id of a subnet in an address.
    ///
    /// # Errors
    /// The answer, if it is no principal.
    pub fn subnet(text: &str) -> Result<Self, Response> {
        id(text).map(Target::Subnet)
    }
}

fn id(text: &str) -> Result<Principal, Response> {
    Principal::from_text(text).map_err(|error| {
        Response::text(
            400,
            format!("Invalid id {text:.100} in the address: {error}"),
        )
    })
}
