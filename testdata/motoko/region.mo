// Stable memory through a region, kept over an upgrade.
import Prim "mo:⛔";

persistent actor {
  let region = Prim.regionNew();

  public func grow(pages : Nat64) : async Nat64 { Prim.regionGrow(region, pages) };

  public func put(offset : Nat64, b : Blob) : async () { Prim.regionStoreBlob(region, offset, b) };

  public query func get(offset : Nat64, n : Nat) : async Blob { Prim.regionLoadBlob(region, offset, n) };

  public func putNat(offset : Nat64, n : Nat64) : async () { Prim.regionStoreNat64(region, offset, n) };

  public query func getNat(offset : Nat64) : async Nat64 { Prim.regionLoadNat64(region, offset) };

  public query func size() : async Nat64 { Prim.regionSize(region) };
};
