//! Reading the message: argument, caller, reject, deadline, method name.

use drun_engine::{Guest, Imports};

use super::api::{Address, Api, Ic};
use super::mode::{
    ANSWER, ARGUMENT, CALLER_INFO, INSPECT, NOT_START, REJECT_CODE, REJECT_CODE_AND_CLEANUP,
    REJECT_MESSAGE,
};
use crate::errors::ContractViolation;

pub(super) fn link<A: Address>(l: &mut Imports<Ic>) {
    l.function("ic0", "msg_arg_data_size", |c: &mut Guest<'_, Ic>| {
        let mut api = Api::enter(c, "msg_arg_data_size", 500, 0, ARGUMENT)?;
        Ok(A::from_u64(api.exec().message.argument.len() as u64))
    });
    l.function(
        "ic0",
        "msg_arg_data_copy",
        |c: &mut Guest<'_, Ic>, dst: A, offset: A, size: A| {
            let (dst, offset, size) = (dst.to_u64(), offset.to_u64(), size.to_u64());
            let mut api = Api::enter(c, "msg_arg_data_copy", 500, size, ARGUMENT)?;
            let contexts = [
                "ic0.msg_arg_data_copy heap",
                "ic0.msg_arg_data_copy payload",
            ];
            api.copy_out(contexts, dst, offset, size, |exec| &exec.message.argument)
        },
    );
    l.function("ic0", "msg_caller_size", |c: &mut Guest<'_, Ic>| {
        let mut api = Api::enter(c, "msg_caller_size", 500, 0, NOT_START)?;
        Ok(A::from_u64(caller(api.exec()).len() as u64))
    });
    l.function(
        "ic0",
        "msg_caller_copy",
        |c: &mut Guest<'_, Ic>, dst: A, offset: A, size: A| {
            let (dst, offset, size) = (dst.to_u64(), offset.to_u64(), size.to_u64());
            let mut api = Api::enter(c, "msg_caller_copy", 500, size, NOT_START)?;
            let contexts = ["ic0.msg_caller_copy heap", "ic0.msg_caller_copy id"];
            api.copy_out(contexts, dst, offset, size, caller)
        },
    );
    link_caller_info::<A>(l);
    l.function("ic0", "msg_reject_code", |c: &mut Guest<'_, Ic>| {
        let modes = match c.activation().subnet.protocol.reject_code_in_cleanup {
            true => REJECT_CODE_AND_CLEANUP,
            false => REJECT_CODE,
        };
        let mut api = Api::enter(c, "msg_reject_code", 500, 0, modes)?;
        let reject = api.exec().message.reject.as_ref();
        Ok(reject.map_or(0, |reject| reject.code as i32))
    });
    l.function("ic0", "msg_reject_msg_size", |c: &mut Guest<'_, Ic>| {
        let mut api = Api::enter(c, "msg_reject_msg_size", 500, 0, REJECT_MESSAGE)?;
        Ok(A::from_u64(reject_message(api.exec()).len() as u64))
    });
    l.function(
        "ic0",
        "msg_reject_msg_copy",
        |c: &mut Guest<'_, Ic>, dst: A, offset: A, size: A| {
            let (dst, offset, size) = (dst.to_u64(), offset.to_u64(), size.to_u64());
            let mut api = Api::enter(c, "msg_reject_msg_copy", 500, size, REJECT_MESSAGE)?;
            let contexts = [
                "ic0.msg_reject_msg_copy heap",
                "ic0.msg_reject_msg_copy msg",
            ];
            api.copy_out(contexts, dst, offset, size, reject_message)
        },
    );
    l.function("ic0", "msg_deadline", |c: &mut Guest<'_, Ic>| {
        let mut api = Api::enter(c, "msg_deadline", 500, 0, ANSWER)?;
        Ok(api.exec().message.deadline)
    });
    l.function("ic0", "msg_method_name_size", |c: &mut Guest<'_, Ic>| {
        let mut api = Api::enter(c, "msg_method_name_size", 500, 0, INSPECT)?;
        Ok(A::from_u64(api.exec().message.method_name.len() as u64))
    });
    l.function(
        "ic0",
        "msg_method_name_copy",
        |c: &mut Guest<'_, Ic>, dst: A, offset: A, size: A| {
            let (dst, offset, size) = (dst.to_u64(), offset.to_u64(), size.to_u64());
            let mut api = Api::enter(c, "msg_method_name_copy", 500, size, INSPECT)?;
            let contexts = [
                "ic0.msg_method_name_copy heap",
                "ic0.msg_method_name_copy payload",
            ];
            api.copy_out(contexts, dst, offset, size, |exec| {
                exec.message.method_name.as_bytes()
            })
        },
    );
    l.function("ic0", "accept_message", |c: &mut Guest<'_, Ic>| {
        let mut api = Api::enter(c, "accept_message", 500, 0, INSPECT)?;
        if std::mem::replace(&mut api.exec().effects.accepted, true) {
            return api.violation(ContractViolation::AlreadyAccepted);
        }
        Ok(())
    });
}

/// What a message told about its sender (since-october-2025.md 1.1). The charges are chosen, as those of their siblings.
fn link_caller_info<A: Address>(l: &mut Imports<Ic>) {
    l.function(
        "ic0",
        "msg_caller_info_data_size",
        |c: &mut Guest<'_, Ic>| {
            let mut api = Api::enter(c, "msg_caller_info_data_size", 500, 0, CALLER_INFO)?;
            Ok(A::from_u64(info_data(api.exec()).len() as u64))
        },
    );
    l.function(
        "ic0",
        "msg_caller_info_data_copy",
        |c: &mut Guest<'_, Ic>, dst: A, offset: A, size: A| {
            let (dst, offset, size) = (dst.to_u64(), offset.to_u64(), size.to_u64());
            let mut api = Api::enter(c, "msg_caller_info_data_copy", 500, size, CALLER_INFO)?;
            let contexts = [
                "ic0.msg_caller_info_data_copy heap",
                "ic0.msg_caller_info_data_copy data",
            ];
            api.copy_out(contexts, dst, offset, size, info_data)
        },
    );
    l.function(
        "ic0",
        "msg_caller_info_signer_size",
        |c: &mut Guest<'_, Ic>| {
            let mut api = Api::enter(c, "msg_caller_info_signer_size", 500, 0, CALLER_INFO)?;
            Ok(A::from_u64(info_signer(api.exec()).len() as u64))
        },
    );
    l.function(
        "ic0",
        "msg_caller_info_signer_copy",
        |c: &mut Guest<'_, Ic>, dst: A, offset: A, size: A| {
            let (dst, offset, size) = (dst.to_u64(), offset.to_u64(), size.to_u64());
            let mut api = Api::enter(c, "msg_caller_info_signer_copy", 500, size, CALLER_INFO)?;
            let contexts = [
                "ic0.msg_caller_info_signer_copy heap",
                "ic0.msg_caller_info_signer_copy signer",
            ];
            api.copy_out(contexts, dst, offset, size, info_signer)
        },
    );
}

fn info_data(exec: &super::exec::Exec) -> &[u8] {
    let info = exec.message.caller_info.as_deref();
    info.map_or(&[], |info| &info.data)
}

fn info_signer(exec: &super::exec::Exec) -> &[u8] {
    let info = exec.message.caller_info.as_deref();
    info.map_or(&[], |info| info.signer.as_slice())
}

fn caller(exec: &super::exec::Exec) -> &[u8] {
    exec.message
        .caller
        .as_ref()
        .map_or(&[], |caller| caller.as_slice())
}

fn reject_message(exec: &super::exec::Exec) -> &[u8] {
    let reject = exec.message.reject.as_ref();
    reject.map_or(&[], |reject| reject.message.as_bytes())
}
