//! Where a call goes, and subnets that are made because somebody wants a canister id of the main network (pocket-ic-api.md 3.4).

use candid::{CandidType, Deserialize, Principal};

use super::Net;
use super::call::{Call, Effective};
use super::error::NetError;
use super::kind::SubnetKind;
use super::subnet::{MAINNET_END, SubnetSpec};
use crate::management::decode::beginning;
use crate::management::ids::{RANGE, canister_number};

/// The method that makes canisters out of nothing.
const CREATE: &str = "provisional_create_canister_with_cycles";

#[derive(CandidType, Deserialize)]
struct Named {
    canister_id: Principal,
}

#[derive(CandidType, Deserialize)]
struct Specified {
    specified_id: Option<Principal>,
}

fn bad(text: impl Into<String>) -> NetError {
    NetError::BadIngress(text.into())
}

fn nowhere(canister: &Principal) -> NetError {
    bad(format!(
        "Canister {canister} does not belong to any subnet."
    ))
}

/// Where a call goes.
enum Place {
    /// The subnet at this place.
    At(usize),
    /// It makes a canister for whose effective id there is no subnet yet.
    OfNew(Principal),
}

impl Net {
    /// Place of the subnet that a call goes to. It may be made for it.
    ///
    /// # Errors
    /// If there is none.
    pub(super) fn place(&mut self, call: &Call) -> Result<usize, NetError> {
        match self.find(call)? {
            Place::At(place) => Ok(place),
            Place::OfNew(id) => self.place_of_new(id),
        }
    }

    /// Place of the subnet that a query goes to. None is made.
    ///
    /// # Errors
    /// If there is none.
    pub(super) fn place_of_query(&self, call: &Call) -> Result<usize, NetError> {
        match self.find(call)? {
            Place::At(place) => Ok(place),
            Place::OfNew(id) => Err(nowhere(&id)),
        }
    }

    fn find(&self, call: &Call) -> Result<Place, NetError> {
        let management = call.canister == Principal::management_canister();
        let creates = management && call.method == CREATE;
        let canister = match call.effective {
            Effective::Subnet(id) => {
                return self
                    .subnet_index(&id)
                    .map(Place::At)
                    .ok_or_else(|| bad(format!("Subnet with ID {id} not found")));
            }
            Effective::Canister(id) => id,
            Effective::None if !management => call.canister,
            Effective::None if creates => {
                let Ok(Specified { specified_id }) = beginning(&call.payload) else {
                    return Ok(Place::At(self.default_subnet()));
                };
                match specified_id {
                    Some(id) => id,
                    None => return Ok(Place::At(self.default_subnet())),
                }
            }
            Effective::None => {
                let named = beginning::<Named>(&call.payload);
                let named = named.map_err(|error| bad(format!("Error decoding candid: {error}")));
                named?.canister_id
            }
        };
        match self.host_of(&canister) {
            Some(index) => Ok(Place::At(index)),
            None if creates => Ok(Place::OfNew(canister)),
            None => Err(nowhere(&canister)),
        }
    }

    /// The subnet that hosts this id, whether or not there is such a canister; a subnet's own id counts too.
    pub fn host_of(&self, id: &Principal) -> Option<usize> {
        match canister_number(id) {
            Some(number) => self.subnets.iter().position(|subnet| subnet.hosts(number)),
            None => self.subnet_index(id),
        }
    }

    /// The subnet for a new canister with an effective id that no subnet hosts.
    fn place_of_new(&mut self, id: Principal) -> Result<usize, NetError> {
        if id == Principal::management_canister() {
            return Ok(self.default_subnet());
        }
        if id.as_slice().len() != 10 {
            return Err(bad(format!(
                "The binary representation {} of effective canister ID {id} should consist of 10 bytes.",
                hex::encode(id.as_slice())
            )));
        }
        let number = canister_number(&id).filter(|number| *number < MAINNET_END);
        let Some(number) = number else {
            return Err(bad(format!(
                "The effective canister ID {id} does not belong to an existing subnet and it is not a mainnet canister ID."
            )));
        };
        let kind = SubnetKind::of_mainnet_number(number);
        if matches!(kind, SubnetKind::Nns | SubnetKind::Ii) {
            return Err(bad(format!(
                "The effective canister ID {id} belongs to the NNS or II subnet on the IC mainnet for which PocketIC provides a `SubnetKind`: please set up your PocketIC instance with a subnet of that `SubnetKind`."
            )));
        }
        let spec = SubnetSpec {
            on_the_fly: true,
            mainnet_id: self.settings.mainnet_ids,
            mainnet_block: (!kind.is_named()).then_some(number / RANGE * RANGE),
            ..SubnetSpec::new(kind)
        };
        Ok(self.add(spec))
    }
}
