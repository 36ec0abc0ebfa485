//! Replies for people.
//!
//! Owns that replies of the management canister are shown with the names of their fields, which the bytes do not carry.

use std::sync::LazyLock;

use drun_ic::management::replies;

use crate::idl::{self, FieldNames, Interface};

/// The fields of the management canister's replies.
static FIELDS: LazyLock<FieldNames> = LazyLock::new(|| {
    let mut names = FieldNames::default();
    replies::types().iter().for_each(|ty| names.add_type(ty));
    names
});

/// A reply as Candid text. If it is none, in hex, or nothing unless some text is needed.
pub(super) fn text(reply: &[u8], interface: Option<&Interface>, needed: bool) -> Option<String> {
    match idl::decode(reply) {
        Ok(args) => Some(idl::print_arguments(&args, &names(interface))),
        Err(_) => needed.then(|| format!("0x{}", hex::encode(reply))),
    }
}

/// The names of fields that replies of a canister, or of the management canister, may have.
pub(super) fn names(interface: Option<&Interface>) -> FieldNames {
    let mut names = FIELDS.clone();
    if let Some(interface) = interface {
        names.add_interface(interface);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of each family and each date; all others come from the same types.
    #[test]
    fn fields_of_the_management_canister_have_their_names() {
        let names = names(None);
        for field in [
            "canister_id",
            "log_memory_store_size",
            "minimum_incoming_canister_call_cycles",
            "snapshot_visibility",
            "status_visibility",
            "allowed_viewers",
            "environment_variables",
            "total_num_changes",
            "recent_changes",
            "canister_version",
            "id",
            "taken_at_timestamp",
            "total_size",
            "body",
            "headers",
            "cycles_consumed",
            "http_outcalls",
            "canisters",
            "start",
            "block_height",
            "registry_version",
            "canister_log_records",
            "num_blocks_proposed_total",
            "signature",
            "encrypted_key",
            "wasm_chunk_store",
            "hash",
        ] {
            let id = candid::types::Label::Id(candid::idl_hash(field));
            assert_eq!(names.label(&id), field);
        }
    }
}
