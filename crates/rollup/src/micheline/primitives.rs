//! The primitives of Michelson by number, as its binary format numbers them (public documentation of the protocol).

/// In the order of their numbers; an empty name was never given or is no longer in use.
const NAMES: [&str; 159] = [
    "parameter", "storage", "code", "False", "Elt", "Left", "None", "Pair", "Right", "Some", "True", "Unit", "PACK",
    "UNPACK", "BLAKE2B", "SHA256", "SHA512", "ABS", "ADD", "AMOUNT", "AND", "BALANCE", "CAR", "CDR", "CHECK_SIGNATURE",
    "COMPARE", "CONCAT", "CONS", "CREATE_ACCOUNT", "CREATE_CONTRACT", "IMPLICIT_ACCOUNT", "DIP", "DROP", "DUP", "EDIV",
    "EMPTY_MAP", "EMPTY_SET", "EQ", "EXEC", "FAILWITH", "GE", "GET", "GT", "HASH_KEY", "IF", "IF_CONS", "IF_LEFT",
    "IF_NONE", "INT", "LAMBDA", "LE", "LEFT", "LOOP", "LSL", "LSR", "LT", "MAP", "MEM", "MUL", "NEG", "NEQ", "NIL",
    "NONE", "NOT", "NOW", "OR", "PAIR", "PUSH", "RIGHT", "SIZE", "SOME", "SOURCE", "SENDER", "SELF",
    "STEPS_TO_QUOTA", "SUB", "SWAP", "TRANSFER_TOKENS", "SET_DELEGATE", "UNIT", "UPDATE", "XOR", "ITER", "LOOP_LEFT",
    "ADDRESS", "CONTRACT", "ISNAT", "CAST", "RENAME", "bool", "contract", "int", "key", "key_hash", "lambda", "list",
    "map", "big_map", "nat", "option", "or", "pair", "set", "signature", "string", "bytes", "mutez", "timestamp",
    "unit", "operation", "address", "SLICE", "DIG", "DUG", "EMPTY_BIG_MAP", "APPLY", "chain_id", "CHAIN_ID", "LEVEL",
    "SELF_ADDRESS", "never", "NEVER", "UNPAIR", "VOTING_POWER", "TOTAL_VOTING_POWER", "KECCAK", "SHA3",
    "PAIRING_CHECK", "bls12_381_g1", "bls12_381_g2", "bls12_381_fr", "sapling_state", "sapling_transaction_deprecated",
    "SAPLING_EMPTY_STATE", "SAPLING_VERIFY_UPDATE", "ticket", "TICKET_DEPRECATED", "READ_TICKET", "SPLIT_TICKET",
    "JOIN_TICKETS", "GET_AND_UPDATE", "chest", "chest_key", "OPEN_CHEST", "VIEW", "view", "constant", "SUB_MUTEZ",
    "tx_rollup_l2_address", "MIN_BLOCK_TIME", "sapling_transaction", "EMIT", "Lambda_rec", "LAMBDA_REC", "TICKET",
    "BYTES", "NAT", "Ticket", "IS_IMPLICIT_ACCOUNT",
];

/// The name of a primitive's number.
pub fn name(number: u8) -> Option<&'static str> {
    NAMES.get(usize::from(number)).copied()
}

/// The number of a primitive's name.
pub fn number(name: &str) -> Option<u8> {
    NAMES.iter().position(|known| *known == name).map(|n| n as u8)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_numbers_that_the_fact_sheet_lists() {
        let listed = [
            ("False", 0x03), ("Elt", 0x04), ("Left", 0x05), ("None", 0x06), ("Pair", 0x07), ("Right", 0x08),
            ("Some", 0x09), ("True", 0x0a), ("Unit", 0x0b),
        ];
        for (name, number) in listed {
            assert_eq!(super::number(name), Some(number));
            assert_eq!(super::name(number), Some(name));
        }
        // Known from published types in binary form: `bytes` 0x69, `nat` 0x62, `ticket` 0x87, `unit` 0x6c.
        for (name, number) in [("bytes", 0x69), ("nat", 0x62), ("ticket", 0x87), ("unit", 0x6c), ("string", 0x68)] {
            assert_eq!(super::number(name), Some(number));
        }
    }
}
