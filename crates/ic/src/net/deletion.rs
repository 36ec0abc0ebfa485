//! Deleting a subnet of a network: what becomes of its messages and of the calls that others have made to it (pocket-ic-api.md 8.1).

use candid::Principal;

use super::Net;
use super::error::NetError;

impl Net {
    /// Deletes a subnet with all its canisters. Calls of other canisters to them that are under way are refused, messages of users
    /// that they have not answered are forgotten; their ids are given to nobody else.
    ///
    /// # Errors
    /// If there is no such subnet, or the network cannot do without it: it is a named one, or the last.
    pub fn delete_subnet(&mut self, id: &Principal) -> Result<(), NetError> {
        let place = self.subnet_index(id).ok_or(NetError::SubnetNotFound(*id))?;
        if self.subnets[place].spec.kind.is_named() {
            return Err(NetError::CannotDelete(*id, "it is a named subnet."));
        }
        if self.living().count() == 1 {
            return Err(NetError::CannotDelete(*id, "there is no other."));
        }
        for subnet in &mut self.subnets {
            if subnet.id != *id {
                subnet.node.lose(id);
            }
        }
        self.messages.forget_subnet(place);
        match place {
            // The others are certified under its key.
            0 => self.subnets[0].empty(),
            _ => {
                self.subnets.remove(place);
                self.messages.move_up(place);
            }
        }
        self.connect();
        self.version += 1;
        Ok(())
    }
}
