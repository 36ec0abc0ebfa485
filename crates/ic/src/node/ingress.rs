//! Messages of users: what refuses them before they run, and how they enter a round (errors.md 5.1 and 5.2, metering.md 8.4).

use std::sync::Arc;

use candid::Principal;
use drun_engine::record::Stack;

use super::Node;
use crate::answer::MessageResult;
use crate::canister::Status;
use crate::canister::consumed::Purpose;
use crate::canister::queues::{CallerInfo, Carried, Expiry, Ingress, IngressId};
use crate::config::Envelope;
use crate::errors::{CallError, ErrorCode, ExecutionError, IngressError, UserError};
use crate::execution::{Entry, Keep};
use crate::ic0::exec::MessageView;
use crate::ic0::mode::Mode;
use crate::management::{Method, MethodAudience, is_charged_late, open};
use crate::module::MethodKind;
use crate::observe::Cause;

/// Bytes of a signed anonymous envelope beside receiver, method name and argument (metering.md 8.4: 121 with the ten bytes
/// of an ordinary id).
const ENVELOPE_BYTES: u64 = 111;
/// Bytes of a nonce.
const NONCE_BYTES: u64 = 8;

/// Who sends a message, and what it tells about that.
struct Sender {
    id: Principal,
    info: Option<Arc<CallerInfo>>,
}

impl Node {
    /// Takes a user's message for the next round.
    ///
    /// # Errors
    /// With an ingress filter: why the message is refused before it enters a round (errors.md 5.1).
    pub fn submit(
        &mut self,
        from: Principal,
        to: Principal,
        method: &str,
        argument: Vec<u8>,
    ) -> Result<IngressId, UserError> {
        self.submit_with_info(from, None, to, method, argument, None)
    }

    /// As [`Node::submit`], with what the message tells about its sender, and until when it may wait. Nobody vouches for the former here:
    /// it is taken as it comes, for any sender, so that tests need no signatures (since-october-2025.md 3.1).
    ///
    /// # Errors
    /// As for [`Node::submit`].
    pub fn submit_with_info(
        &mut self,
        from: Principal,
        info: Option<CallerInfo>,
        to: Principal,
        method: &str,
        argument: Vec<u8>,
        expiry: Option<Expiry>,
    ) -> Result<IngressId, UserError> {
        let _texts = self.texts();
        let info = info.map(Arc::new);
        let mut decoded = None;
        if self.state.config.ingress_filter {
            let sender = Sender {
                id: from,
                info: info.clone(),
            };
            self.filter(&to, method, &argument, &mut decoded, &sender)?;
        }
        let id = self.next_ingress;
        self.next_ingress += 1;
        let ingress = Ingress {
            id,
            sender: from,
            info,
            method: method.to_owned(),
            payload: argument,
            decoded,
            expiry,
        };
        self.inbox.push((to, ingress));
        Ok(id)
    }

    /// True if a message has entered a round. Those that have not wait in the order of their numbers.
    pub fn has_taken(&self, id: IngressId) -> bool {
        let first = self.inbox.first();
        id < first.map_or(self.next_ingress, |(_, waiting)| waiting.id)
    }

    /// The result of a message, if there is one yet and nobody has taken it.
    pub fn answer(&self, id: IngressId) -> Option<&MessageResult> {
        self.answers.get(&id)
    }

    /// The result of a message, if there is one yet. The node forgets it.
    pub fn take_answer(&mut self, id: IngressId) -> Option<MessageResult> {
        self.answers.remove(&id)
    }

    pub(super) fn answer_ingress(&mut self, id: IngressId, result: MessageResult) {
        self.answers.entry(id).or_insert(result);
    }

    /// Moves the messages of this round into the queues, where nothing waits that is too late (scheduling.md 1.1, P4).
    pub(super) fn induct_ingress(&mut self) {
        for (receiver, ingress) in std::mem::take(&mut self.inbox) {
            let id = ingress.id;
            let inducted = if self.is_management(&receiver) {
                self.induct_management(ingress)
            } else {
                self.induct(&receiver, ingress)
            };
            if let Err(error) = inducted {
                self.answer_ingress(id, MessageResult::Failed(error));
            }
        }
    }

    fn induct(&mut self, receiver: &Principal, ingress: Ingress) -> Result<(), UserError> {
        let info = ingress.info.as_deref();
        let bytes = self.message_bytes(receiver, &ingress.method, &ingress.payload, info);
        self.charge_ingress(receiver, bytes, &ingress.sender)?;
        let Some(canister) = self.state.canisters.get_mut(receiver) else {
            return Err(IngressError::CanisterNotFound(*receiver).into());
        };
        match canister.status {
            Status::Running => {
                ingress.check_expiry(self.state.time)?;
                canister.inputs.push_ingress(ingress);
                Ok(())
            }
            Status::Stopping(_) => Err(IngressError::Stopping(*receiver).into()),
            Status::Stopped => Err(IngressError::Stopped(*receiver).into()),
        }
    }

    fn induct_management(&mut self, mut ingress: Ingress) -> Result<(), UserError> {
        let Some(method) = self.state.method(&ingress.method) else {
            return Err(IngressError::InductUnknownMethod {
                method: ingress.method,
            }
            .into());
        };
        if !self.is_for_users(method, &ingress.sender) {
            return Err(IngressError::InductNotForIngress {
                method: ingress.method,
            }
            .into());
        }
        if method.ingress() != MethodAudience::Whitelist {
            let date = self.state.config.protocol.date;
            let payer = open(&mut ingress.decoded, method, &ingress.payload, date)
                .canister()
                .map_err(|_| IngressError::InductUndecodable)?;
            if let Some(payer) = payer
                && !self.is_free_at_induction(method, &ingress.payload)
            {
                let info = ingress.info.as_deref();
                let bytes = self.management_bytes(&ingress.method, &ingress.payload, info);
                self.charge_ingress(&payer, bytes, &ingress.sender)?;
            }
        }
        ingress.check_expiry(self.state.time)?;
        self.management.push_ingress(ingress);
        Ok(())
    }

    /// May this user call the method at all?
    fn is_for_users(&self, method: Method, sender: &Principal) -> bool {
        match method.ingress() {
            MethodAudience::Admins => self.state.is_admin(sender),
            _ => method.allowed_as_ingress(),
        }
    }

    /// True for methods that cost nothing to receive, and for changes of settings that are charged later.
    fn is_free_at_induction(&self, method: Method, payload: &[u8]) -> bool {
        match method {
            Method::ProvisionalCreateCanisterWithCycles | Method::ProvisionalTopUpCanister => true,
            Method::UpdateSettings => is_charged_late(&self.state, payload.len()),
            _ => false,
        }
    }

    /// Bytes of a message that are paid for.
    pub(super) fn message_bytes(
        &self,
        receiver: &Principal,
        method: &str,
        payload: &[u8],
        info: Option<&CallerInfo>,
    ) -> u64 {
        let content = (method.len() + payload.len()) as u64 + info.map_or(0, CallerInfo::bytes);
        if self.state.config.envelope == Envelope::Nonce {
            return content + NONCE_BYTES;
        }
        ENVELOPE_BYTES
            + receiver.as_slice().len() as u64
            + content
            + long_head(method.len())
            + long_head(payload.len())
    }

    fn management_bytes(&self, method: &str, payload: &[u8], info: Option<&CallerInfo>) -> u64 {
        self.message_bytes(&Principal::management_canister(), method, payload, info)
    }

    fn charge_ingress(
        &mut self,
        payer: &Principal,
        bytes: u64,
        sender: &Principal,
    ) -> Result<(), UserError> {
        let price = self.state.fees.ingress(bytes);
        self.check_payable(payer, price, sender)?;
        if let Some(canister) = self.state.canisters.get_mut(payer) {
            canister.cycles -= price;
            canister.consumed.add(Purpose::Ingress, price);
            self.state.charged(price);
        }
        Ok(())
    }

    /// What a node asks before it takes a message (errors.md 5.1).
    fn filter(
        &mut self,
        receiver: &Principal,
        method: &str,
        payload: &[u8],
        decoded: &mut Carried,
        sender: &Sender,
    ) -> Result<(), UserError> {
        let to_management = self.is_management(receiver);
        let info = sender.info.as_deref();
        let bytes = self.message_bytes(receiver, method, payload, info);
        let max = self.state.limits.ingress_bytes;
        // An installation from a script is let through at any size.
        if !to_management && bytes > max {
            return Err(UserError::new(
                ErrorCode::CanisterRejectedMessage,
                format!(
                    "Request is too large. Message byte size {bytes} is larger than the max allowed {max}."
                ),
            ));
        }
        if to_management {
            return self.filter_management(method, payload, decoded, sender);
        }
        self.check_payable(receiver, self.state.fees.ingress(bytes), &sender.id)?;
        let Some(canister) = self.state.canisters.get(receiver) else {
            return Err(IngressError::CanisterNotFound(*receiver).into());
        };
        match canister.status {
            Status::Running => {}
            Status::Stopping(_) => return Err(IngressError::Stopping(*receiver).into()),
            Status::Stopped => return Err(IngressError::Stopped(*receiver).into()),
        }
        let Some(code) = &canister.code else {
            return Err(IngressError::NoModule.into());
        };
        let facts = &code.module.facts;
        if facts.methods.get(method) == Some(&MethodKind::CompositeQuery) {
            return Err(CallError::CompositeQuery.into());
        }
        if facts.has_inspect_message {
            return self.inspect(receiver, method, payload, sender);
        }
        Ok(())
    }

    fn check_payable(
        &self,
        payer: &Principal,
        price: u128,
        sender: &Principal,
    ) -> Result<(), UserError> {
        let Some(canister) = self.state.canisters.get(payer) else {
            return Err(IngressError::CanisterNotFound(*payer).into());
        };
        let payable = self.state.can_pay(canister, price, Some(sender));
        payable.map_err(|error| IngressError::OutOfCycles(error).into())
    }

    fn filter_management(
        &mut self,
        name: &str,
        payload: &[u8],
        decoded: &mut Carried,
        Sender { id: sender, info }: &Sender,
    ) -> Result<(), UserError> {
        let owned = || name.to_owned();
        let Some(method) = self.state.method(name) else {
            return Err(IngressError::UnknownMethod { method: owned() }.into());
        };
        if !self.is_for_users(method, sender) {
            return Err(IngressError::NotForIngress { method: owned() }.into());
        }
        let argument = open(decoded, method, payload, self.state.config.protocol.date);
        let effective = argument
            .canister()
            .map_err(|error| IngressError::Undecodable {
                method: owned(),
                reason: error.reason().to_owned(),
            })?;
        if let Some(payer) = effective
            && !self.is_free_at_induction(method, payload)
        {
            let bytes = self.management_bytes(name, payload, info.as_deref());
            self.check_payable(&payer, self.state.fees.ingress(bytes), sender)?;
        }
        match method.ingress() {
            MethodAudience::OnlyCanisters => {
                Err(IngressError::OnlyCanisters { method: owned() }.into())
            }
            MethodAudience::Controllers => {
                let Some(id) = effective else {
                    return Ok(());
                };
                let Some(canister) = self.state.canisters.get(&id) else {
                    return Err(IngressError::CanisterNotFound(id).into());
                };
                if !canister.is_controlled_by(sender) {
                    return Err(IngressError::OnlyControllers {
                        canister: id,
                        method: owned(),
                    }
                    .into());
                }
                Ok(())
            }
            MethodAudience::Asked(access) => {
                let Some(id) = effective else {
                    return Ok(());
                };
                let Some(canister) = self.state.canisters.get(&id) else {
                    return Err(IngressError::CanisterNotFound(id).into());
                };
                match self.state.may(access, canister, sender) {
                    true => Ok(()),
                    false => Err(self.state.ingress_denial(access, canister, *sender, name)),
                }
            }
            MethodAudience::Never | MethodAudience::Whitelist | MethodAudience::Admins => Ok(()),
        }
    }

    /// Asks the canister's `canister_inspect_message`.
    fn inspect(
        &mut self,
        id: &Principal,
        method: &str,
        payload: &[u8],
        sender: &Sender,
    ) -> Result<(), UserError> {
        let execution = self.lend(id, |node, canister| {
            let message = MessageView {
                argument: payload.to_vec(),
                caller: Some(sender.id),
                caller_info: sender.info.clone(),
                method_name: method.to_owned(),
                ..MessageView::default()
            };
            let entry = Entry::Export("canister_inspect_message".to_owned());
            let limit = node.state.limits.inspect;
            let mut job = node.job(canister, entry, Mode::Inspect, limit, message);
            job.keep = Keep::Never;
            let mut execution = node.state.runtime.run(canister, job);
            let cause = Cause::Query {
                method,
                place: Stack::EMPTY,
            };
            node.tell_query(canister, cause, &mut execution);
            execution
        });
        let Some(execution) = execution else {
            return Err(IngressError::CanisterNotFound(*id).into());
        };
        match execution.result {
            Ok(()) if execution.accepted => Ok(()),
            Ok(()) => Err(ExecutionError::MessageRejected.into_user_error(*id)),
            Err(error) => Err(self.shown(error, id, &sender.id)),
        }
    }
}

/// Bytes by which the head of a CBOR string of this length is longer than that of a short one.
fn long_head(length: usize) -> u64 {
    match length {
        0..24 => 0,
        24..256 => 1,
        256..65_536 => 2,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::NodeSettings;
    use crate::protocol::{Protocol, SubnetType};

    fn node(envelope: Envelope) -> Node {
        let settings = NodeSettings {
            envelope,
            ..NodeSettings::new(Protocol::OCTOBER_2025, SubnetType::System)
        };
        Node::new(settings)
    }

    /// metering.md 8.4: 121 bytes and what CBOR needs for the lengths. The id of the management canister has no bytes.
    #[test]
    fn the_whole_envelope_is_paid_for() {
        let subnet = node(Envelope::Signed);
        let id = Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        let bytes =
            |method: &str, payload| subnet.message_bytes(&id, method, &vec![0; payload], None);
        assert_eq!(bytes("go", 0), 121 + 2);
        assert_eq!(bytes("go", 23), 121 + 2 + 23);
        assert_eq!(bytes("go", 24), 121 + 2 + 24 + 1);
        assert_eq!(bytes("go", 256), 121 + 2 + 256 + 2);
        assert_eq!(bytes("go", 65_536), 121 + 2 + 65_536 + 4);
        assert_eq!(bytes(&"m".repeat(24), 0), 121 + 24 + 1);
        let management = |payload| subnet.management_bytes("install_code", &vec![0; payload], None);
        assert_eq!(management(40), 111 + 12 + 40 + 1);
        assert_eq!(management(2_000), 111 + 12 + 2_000 + 2);
        assert_eq!(management(240_000), 111 + 12 + 240_000 + 4);
        let wide = Principal::from_slice(&[1; 18]);
        assert_eq!(subnet.message_bytes(&wide, "go", &[], None), 111 + 18 + 2);
    }

    /// The original program counts its nonce of eight bytes instead of the envelope.
    #[test]
    fn the_original_pays_for_content_and_nonce() {
        let subnet = node(Envelope::Nonce);
        assert_eq!(
            subnet.management_bytes("install_code", &[0; 300], None),
            12 + 300 + 8
        );
    }
}
