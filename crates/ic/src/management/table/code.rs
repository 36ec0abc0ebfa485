//! The rows of code: installed, and uploaded in chunks before.

use crate::management::method::{Ingress, Known, Method};
use crate::management::row::{Goes, Row, Typed};
use crate::management::types::chunks::UploadChunkArgs;
use crate::management::types::lifecycle::CanisterIdRecord;
use crate::management::{chunks, decode, install};

pub(super) static INSTALL_CODE: Row = Row {
    method: Method::InstallCode,
    name: "install_code",
    routed_as: "InstallCode",
    known: Known::Always,
    ingress: Ingress::Controllers,
    query: None,
    heavy: true,
    work: &Typed {
        decode: decode::install_code,
        goes: Goes::SubnetOf(|args| args.canister_id),
        sender_version: Some(|args| args.sender_canister_version),
        run: |state, _, call, args| install::install_code(state, call, args).map(Some),
    },
};

pub(super) static INSTALL_CHUNKED_CODE: Row = Row {
    method: Method::InstallChunkedCode,
    name: "install_chunked_code",
    routed_as: "InstallChunkedCode",
    known: Known::Always,
    ingress: Ingress::Controllers,
    query: None,
    heavy: true,
    work: &Typed {
        decode: decode::install_chunked_code,
        goes: Goes::SubnetOf(|args| args.target_canister),
        sender_version: Some(|args| args.sender_canister_version),
        run: |state, _, call, args| install::install_chunked_code(state, call, args).map(Some),
    },
};

pub(super) static UPLOAD_CHUNK: Row = Row {
    method: Method::UploadChunk,
    name: "upload_chunk",
    routed_as: "UploadChunk",
    known: Known::Always,
    ingress: Ingress::Controllers,
    query: None,
    heavy: true,
    work: &Typed {
        decode: decode::one::<UploadChunkArgs>,
        goes: Goes::SubnetOf(|args| args.canister_id),
        sender_version: None,
        run: |state, _, call, args| chunks::upload_chunk(state, call, args).map(Some),
    },
};

pub(super) static CLEAR_CHUNK_STORE: Row = Row {
    method: Method::ClearChunkStore,
    name: "clear_chunk_store",
    routed_as: "ClearChunkStore",
    known: Known::Always,
    ingress: Ingress::Controllers,
    query: None,
    heavy: false,
    work: &Typed {
        decode: decode::one::<CanisterIdRecord>,
        goes: Goes::SubnetOf(|args| args.canister_id),
        sender_version: None,
        run: |state, _, call, args| chunks::clear_chunk_store(state, call, args).map(Some),
    },
};

pub(super) static STORED_CHUNKS: Row = Row {
    method: Method::StoredChunks,
    name: "stored_chunks",
    routed_as: "StoredChunks",
    known: Known::Always,
    ingress: Ingress::Controllers,
    query: None,
    heavy: false,
    work: &Typed {
        decode: decode::one::<CanisterIdRecord>,
        goes: Goes::SubnetOf(|args| args.canister_id),
        sender_version: None,
        run: |state, _, call, args| chunks::stored_chunks(state, call, args).map(Some),
    },
};
