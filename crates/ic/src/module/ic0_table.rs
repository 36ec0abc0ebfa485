//! The functions of `ic0`, with their types and the dates at which there are (system-api.md 1.4 to 1.11,
//! since-october-2025.md 1.1). Says nothing of what they do.

use wasmparser::ValType;

use crate::protocol::{Date, Era};

/// The type of a parameter or result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// `i32` in a 32-bit module and `i64` in a 64-bit one; always unsigned.
    Pointer,
    I32,
    I64,
}

impl Slot {
    /// The type in a module of either kind.
    pub fn value_type(self, memory64: bool) -> ValType {
        match self {
            Slot::I32 => ValType::I32,
            Slot::I64 => ValType::I64,
            Slot::Pointer if memory64 => ValType::I64,
            Slot::Pointer => ValType::I32,
        }
    }
}

/// A function of the system API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ic0Function {
    pub name: &'static str,
    pub parameters: &'static [Slot],
    pub results: &'static [Slot],
    /// Whether 64-bit modules lack it.
    pub only_32_bit: bool,
    /// The dates at which it can be imported.
    pub era: Era,
}

/// All functions of the system API.
pub fn ic0_functions() -> &'static [Ic0Function] {
    IC0
}

const P: Slot = Slot::Pointer;
const W: Slot = Slot::I32;
const D: Slot = Slot::I64;

const fn f(
    name: &'static str,
    parameters: &'static [Slot],
    results: &'static [Slot],
) -> Ic0Function {
    Ic0Function {
        name,
        parameters,
        results,
        only_32_bit: false,
        era: Era::ALWAYS,
    }
}

const fn since(date: Date, function: Ic0Function) -> Ic0Function {
    Ic0Function {
        era: Era::since(date),
        ..function
    }
}

const fn only_32_bit(
    name: &'static str,
    parameters: &'static [Slot],
    results: &'static [Slot],
) -> Ic0Function {
    Ic0Function {
        name,
        parameters,
        results,
        only_32_bit: true,
        era: Era::ALWAYS,
    }
}

const TODAY: Date = Date::November2026;

const IC0: &[Ic0Function] = &[
    f("msg_arg_data_size", &[], &[P]),
    f("msg_arg_data_copy", &[P, P, P], &[]),
    f("msg_caller_size", &[], &[P]),
    f("msg_caller_copy", &[P, P, P], &[]),
    f("msg_reject_code", &[], &[W]),
    f("msg_reject_msg_size", &[], &[P]),
    f("msg_reject_msg_copy", &[P, P, P], &[]),
    f("msg_deadline", &[], &[D]),
    f("msg_method_name_size", &[], &[P]),
    f("msg_method_name_copy", &[P, P, P], &[]),
    f("accept_message", &[], &[]),
    f("msg_reply_data_append", &[P, P], &[]),
    f("msg_reply", &[], &[]),
    f("msg_reject", &[P, P], &[]),
    f("canister_self_size", &[], &[P]),
    f("canister_self_copy", &[P, P, P], &[]),
    f("subnet_self_size", &[], &[P]),
    f("subnet_self_copy", &[P, P, P], &[]),
    f("canister_status", &[], &[W]),
    f("canister_version", &[], &[D]),
    f("is_controller", &[P, P], &[W]),
    f("in_replicated_execution", &[], &[W]),
    f("root_key_size", &[], &[P]),
    f("root_key_copy", &[P, P, P], &[]),
    f("time", &[], &[D]),
    f("global_timer_set", &[D], &[D]),
    f("performance_counter", &[W], &[D]),
    f("trap", &[P, P], &[]),
    f("debug_print", &[P, P], &[]),
    f("env_var_count", &[], &[P]),
    f("env_var_name_size", &[P], &[P]),
    f("env_var_name_copy", &[P, P, P, P], &[]),
    f("env_var_name_exists", &[P, P], &[W]),
    f("env_var_value_size", &[P, P], &[P]),
    f("env_var_value_copy", &[P, P, P, P, P], &[]),
    f("call_new", &[P, P, P, P, P, P, P, P], &[]),
    f("call_data_append", &[P, P], &[]),
    f("call_on_cleanup", &[P, P], &[]),
    f("call_with_best_effort_response", &[W], &[]),
    only_32_bit("call_cycles_add", &[D], &[]),
    f("call_cycles_add128", &[D, D], &[]),
    f("call_perform", &[], &[W]),
    only_32_bit("canister_cycle_balance", &[], &[D]),
    f("canister_cycle_balance128", &[P], &[]),
    f("canister_liquid_cycle_balance128", &[P], &[]),
    only_32_bit("msg_cycles_available", &[], &[D]),
    f("msg_cycles_available128", &[P], &[]),
    only_32_bit("msg_cycles_refunded", &[], &[D]),
    f("msg_cycles_refunded128", &[P], &[]),
    only_32_bit("msg_cycles_accept", &[D], &[D]),
    f("msg_cycles_accept128", &[D, D, P], &[]),
    f("cycles_burn128", &[D, D, P], &[]),
    f("mint_cycles128", &[D, D, P], &[]),
    f("cost_call", &[D, D, P], &[]),
    f("cost_create_canister", &[P], &[]),
    f("cost_http_request", &[D, D, P], &[]),
    f("cost_sign_with_ecdsa", &[P, P, W, P], &[W]),
    f("cost_sign_with_schnorr", &[P, P, W, P], &[W]),
    f("cost_vetkd_derive_key", &[P, P, W, P], &[W]),
    f("certified_data_set", &[P, P], &[]),
    f("data_certificate_present", &[], &[W]),
    f("data_certificate_size", &[], &[P]),
    f("data_certificate_copy", &[P, P, P], &[]),
    only_32_bit("stable_size", &[], &[W]),
    only_32_bit("stable_grow", &[W], &[W]),
    only_32_bit("stable_read", &[W, W, W], &[]),
    only_32_bit("stable_write", &[W, W, W], &[]),
    f("stable64_size", &[], &[D]),
    f("stable64_grow", &[D], &[D]),
    f("stable64_read", &[D, D, D], &[]),
    f("stable64_write", &[D, D, D], &[]),
    since(TODAY, f("subnet_self_node_count", &[], &[W])),
    since(TODAY, f("cost_http_request_v2", &[P, P, P], &[])),
    since(TODAY, f("msg_caller_info_data_size", &[], &[P])),
    since(TODAY, f("msg_caller_info_data_copy", &[P, P, P], &[])),
    since(TODAY, f("msg_caller_info_signer_size", &[], &[P])),
    since(TODAY, f("msg_caller_info_signer_copy", &[P, P, P], &[])),
];
