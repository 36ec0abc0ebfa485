//! Writes a Candid message of one value. What a message says of its type is worked out once for each type and thread: it depends
//! on the type alone, and costs several times what a small value does.

use std::any::TypeId;
use std::cell::RefCell;
use std::collections::HashMap;

use candid::CandidType;
use candid::ser::{TypeSerialize, ValueSerializer};
use candid::types::internal::env_clear;

thread_local! {
    /// What stands before the value.
    static HEADERS: RefCell<HashMap<TypeId, Vec<u8>>> = RefCell::default();
}

/// The message that holds this value alone, byte for byte as [`candid::encode_one`] writes it.
///
/// ```
/// let reply = drun_ic::management::encoded(&7_u8);
/// assert_eq!(reply, candid::encode_one(7_u8).unwrap());
/// ```
pub fn encoded<T: CandidType + 'static>(value: &T) -> Vec<u8> {
    const IN_MEMORY: &str = "encoding to memory does not fail";
    let mut values = ValueSerializer::new();
    value.idl_serialize(&mut values).expect(IN_MEMORY);
    let values = values.get_result();
    HEADERS.with_borrow_mut(|headers| {
        let header = headers.entry(TypeId::of::<T>()).or_insert_with(|| {
            // As the library does: what was known of types before may tell a recursive one in another way.
            env_clear();
            let mut types = TypeSerialize::new();
            let told = types.push_type(&T::ty());
            told.and_then(|()| types.serialize()).expect(IN_MEMORY);
            [b"DIDL", types.get_result()].concat()
        });
        [header, values].concat()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::management::types::lifecycle::CanisterIdRecord;
    use crate::management::types::settings::CanisterSettings;
    use candid::Principal;

    #[test]
    fn messages_are_those_of_the_library_the_second_time_too() {
        for id in [Principal::management_canister(), Principal::anonymous()] {
            let record = CanisterIdRecord { canister_id: id };
            assert_eq!(encoded(&record), candid::encode_one(&record).unwrap());
            let settings = CanisterSettings {
                compute_allocation: Some(id.as_slice().len().into()),
                ..CanisterSettings::default()
            };
            assert_eq!(encoded(&settings), candid::encode_one(&settings).unwrap());
        }
    }
}
