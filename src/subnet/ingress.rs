//! Messages of users: what refuses them before they run, and how they enter a round (errors.md 5.1 and 5.2, metering.md 8.4).

use candid::Principal;

use super::Subnet;
use crate::canister::Status;
use crate::canister::queues::{Ingress, IngressId};
use crate::compat::Compat;
use crate::errors::{CallError, ErrorCode, ExecutionError, IngressError, UserError};
use crate::execution::{Entry, Job, Keep};
use crate::management::{Method, MethodAudience};
use crate::outcome::MessageResult;
use crate::statistics::{Label, Use};
use crate::system_api::exec::MessageView;
use crate::system_api::mode::Mode;
use crate::wasm::MethodKind;

/// Bytes of a signed anonymous envelope beside method name and argument, for a canister and for the management canister.
const ENVELOPE_BYTES: [u64; 2] = [121, 113];
/// Bytes of the nonce of the original program.
const NONCE_BYTES: u64 = 8;
/// Arguments of `update_settings` up to this size are charged after the settings were applied, by program.
const DELAYED_CHARGE_BYTES: [usize; 2] = [267, 324];
/// The largest message that a node of the runner's environment takes, by kind of subnet: system, application.
const MAX_MESSAGE_BYTES: [u64; 2] = [3_670_016, 2_097_152];

impl Subnet {
    /// Takes a user's message for the next round, unless it is refused at once.
    pub(super) fn submit(
        &mut self,
        canister: Principal,
        method: &str,
        payload: Vec<u8>,
    ) -> Result<IngressId, UserError> {
        let sender = Principal::anonymous();
        if self.state.config.compat == Compat::PocketIc {
            self.filter(&canister, method, &payload, &sender)?;
        }
        let id = self.next_ingress;
        self.next_ingress += 1;
        let ingress = Ingress {
            id,
            sender,
            method: method.to_owned(),
            payload,
        };
        self.inbox.push((canister, ingress));
        Ok(id)
    }

    /// The result of a message, if there is one.
    pub(super) fn take_answer(&mut self, id: IngressId) -> Option<MessageResult> {
        self.answers.remove(&id)
    }

    pub(super) fn answer_ingress(&mut self, id: IngressId, result: MessageResult) {
        self.answers.entry(id).or_insert(result);
    }

    /// Moves the messages of this round into the queues.
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
        let bytes = self.message_bytes(0, &ingress.method, &ingress.payload);
        self.charge_ingress(receiver, bytes, &ingress.sender)?;
        let Some(canister) = self.state.canisters.get_mut(receiver) else {
            return Err(IngressError::CanisterNotFound(*receiver).into());
        };
        match canister.status {
            Status::Running => {
                canister.inputs.push_ingress(ingress);
                Ok(())
            }
            Status::Stopping(_) => Err(IngressError::Stopping(*receiver).into()),
            Status::Stopped => Err(IngressError::Stopped(*receiver).into()),
        }
    }

    fn induct_management(&mut self, ingress: Ingress) -> Result<(), UserError> {
        let name = || ingress.method.clone();
        let Some(method) = self.state.method(&ingress.method) else {
            return Err(IngressError::InductUnknownMethod { method: name() }.into());
        };
        if !method.allowed_as_ingress() {
            return Err(IngressError::InductNotForIngress { method: name() }.into());
        }
        if method.ingress() != MethodAudience::Whitelist {
            let payer = method
                .effective_canister(&ingress.payload)
                .map_err(|_| IngressError::InductUndecodable)?;
            if let Some(payer) = payer
                && !self.is_free_at_induction(method, &ingress.payload)
            {
                let bytes = self.message_bytes(1, &ingress.method, &ingress.payload);
                self.charge_ingress(&payer, bytes, &ingress.sender)?;
            }
        }
        self.management.push_ingress(ingress);
        Ok(())
    }

    /// True for methods that cost nothing to receive, and for changes of settings that are charged later.
    fn is_free_at_induction(&self, method: Method, payload: &[u8]) -> bool {
        match method {
            Method::ProvisionalCreateCanisterWithCycles | Method::ProvisionalTopUpCanister => true,
            Method::UpdateSettings => {
                payload.len() <= DELAYED_CHARGE_BYTES[usize::from(!self.state.is_drun())]
            }
            _ => false,
        }
    }

    /// Bytes of a message that are paid for; `kind` is 0 for a canister and 1 for the management canister.
    fn message_bytes(&self, kind: usize, method: &str, payload: &[u8]) -> u64 {
        let content = (method.len() + payload.len()) as u64;
        if self.state.is_drun() {
            return content + NONCE_BYTES;
        }
        let head = match payload.len() {
            0..24 => 0,
            24..256 => 1,
            256..65_536 => 2,
            _ => 4,
        };
        ENVELOPE_BYTES[kind] + content + if kind == 0 { head } else { 0 }
    }

    fn charge_ingress(
        &mut self,
        payer: &Principal,
        bytes: u64,
        sender: &Principal,
    ) -> Result<(), UserError> {
        let Some(mut canister) = self.state.canisters.remove(payer) else {
            return Err(IngressError::CanisterNotFound(*payer).into());
        };
        let price = self.state.fees.ingress(bytes);
        let charged = self.state.charge(&mut canister, price, Some(sender));
        self.state.canisters.insert(*payer, canister);
        charged.map_err(|error| IngressError::OutOfCycles(error).into())
    }

    /// What a node asks before it takes a message (errors.md 5.1).
    fn filter(
        &mut self,
        receiver: &Principal,
        method: &str,
        payload: &[u8],
        sender: &Principal,
    ) -> Result<(), UserError> {
        let to_management = self.is_management(receiver);
        let bytes = self.message_bytes(usize::from(to_management), method, payload);
        let max = MAX_MESSAGE_BYTES[usize::from(self.state.is_application())];
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
            return self.filter_management(method, payload, sender);
        }
        self.check_payable(receiver, self.state.fees.ingress(bytes), sender)?;
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
        sender: &Principal,
    ) -> Result<(), UserError> {
        let owned = || name.to_owned();
        let Some(method) = self.state.method(name) else {
            return Err(IngressError::UnknownMethod { method: owned() }.into());
        };
        if !method.allowed_as_ingress() {
            return Err(IngressError::NotForIngress { method: owned() }.into());
        }
        let effective =
            method
                .effective_canister(payload)
                .map_err(|error| IngressError::Undecodable {
                    method: owned(),
                    reason: error.reason().to_owned(),
                })?;
        if let Some(payer) = effective
            && !self.is_free_at_induction(method, payload)
        {
            let bytes = self.message_bytes(1, name, payload);
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
            MethodAudience::Never | MethodAudience::Whitelist => Ok(()),
        }
    }

    /// Asks the canister's `canister_inspect_message`.
    fn inspect(
        &mut self,
        id: &Principal,
        method: &str,
        payload: &[u8],
        sender: &Principal,
    ) -> Result<(), UserError> {
        let Some(mut canister) = self.state.canisters.remove(id) else {
            return Err(IngressError::CanisterNotFound(*id).into());
        };
        let job = Job {
            entry: Entry::Export("canister_inspect_message".to_owned()),
            mode: Mode::Inspect,
            message: MessageView {
                argument: payload.to_vec(),
                caller: Some(*sender),
                method_name: method.to_owned(),
                ..MessageView::default()
            },
            keep: Keep::Never,
            ..self.job(&canister, self.state.limits.inspect)
        };
        let time = job.time;
        let label = self.state.statistics.is_some().then(|| Label::of(&job));
        let execution = self.state.runtime.run(&mut canister, job);
        if let (Some(statistics), Some(label)) = (&mut self.state.statistics, label) {
            statistics.count(*id, label, Use::of(&execution, 0));
        }
        self.print_unlogged(*id, time, &execution);
        self.state.canisters.insert(*id, canister);
        self.flush_prints();
        match execution.result {
            Ok(()) if execution.accepted => Ok(()),
            Ok(()) => Err(ExecutionError::MessageRejected.into_user_error(*id)),
            Err(error) => Err(self.shown(error, id, sender)),
        }
    }
}
