//! Certified data and the certificate of queries (system-api.md 1.10).

use drun_engine::{Guest, Imports};

use super::api::{Address, Api, Ic, Ret};
use super::mode::{CERTIFICATE, CERTIFY, NOT_START};
use crate::certify::Certificate;
use crate::errors::ContractViolation;

/// Certified data, in bytes at the most.
const MAX_CERTIFIED_BYTES: u64 = 32;

pub(super) fn link<A: Address>(l: &mut Imports<Ic>) {
    l.function(
        "ic0",
        "certified_data_set",
        |c: &mut Guest<'_, Ic>, src: A, size: A| {
            let (src, size) = (src.to_u64(), size.to_u64());
            let mut api = Api::enter(c, "certified_data_set", 500, size, CERTIFY)?;
            if size > MAX_CERTIFIED_BYTES {
                return api.violation(ContractViolation::CertifiedDataTooLarge { size });
            }
            let heap = api.heap_size()?;
            match api.range_within(src, size)? {
                Some(range) => {
                    let (bytes, exec) = api.bytes(range);
                    exec.effects.certified_data = Some(bytes.to_vec());
                    Ok(())
                }
                None => {
                    api.violation(ContractViolation::CertifiedDataOutOfBounds { src, size, heap })
                }
            }
        },
    );
    l.function(
        "ic0",
        "data_certificate_present",
        |c: &mut Guest<'_, Ic>| {
            let mut api = Api::enter(c, "data_certificate_present", 500, 0, NOT_START)?;
            Ok(u32::from(api.exec().message.certificate.is_some()))
        },
    );
    l.function("ic0", "data_certificate_size", |c: &mut Guest<'_, Ic>| {
        let mut api = Api::enter(c, "data_certificate_size", 500, 0, CERTIFICATE)?;
        let certificate = certificate(&mut api, "data_certificate_size")?;
        Ok(A::from_u64(certificate.bytes().len() as u64))
    });
    l.function(
        "ic0",
        "data_certificate_copy",
        |c: &mut Guest<'_, Ic>, dst: A, offset: A, size: A| {
            let (dst, offset, size) = (dst.to_u64(), offset.to_u64(), size.to_u64());
            let mut api = Api::enter(c, "data_certificate_copy", 500, size, CERTIFICATE)?;
            let certificate = certificate(&mut api, "data_certificate_copy")?;
            let length = certificate.bytes().len() as u64;
            if offset.checked_add(size).is_none_or(|end| end > length) {
                return api.violation(ContractViolation::CertificateOffsetOutOfBounds {
                    offset,
                    size,
                    len: length,
                });
            }
            let heap = api.heap_size()?;
            let Some(to) = api.range_within(dst, size)? else {
                return api.violation(ContractViolation::CertificateDestinationOutOfBounds {
                    dst,
                    size,
                    heap,
                });
            };
            let from = offset as usize..(offset + size) as usize;
            let (to, exec) = api.bytes_mut(to);
            to.copy_from_slice(&certificate.bytes()[from]);
            exec.effects.dependencies.certificate = true;
            Ok(())
        },
    );
}

fn certificate(api: &mut Api<'_, '_>, name: &'static str) -> Ret<Certificate> {
    match api.exec().message.certificate.clone() {
        Some(certificate) => Ok(certificate),
        None => {
            let mode = api.exec().mode.name();
            api.violation(ContractViolation::WrongContext { api: name, mode })
        }
    }
}
