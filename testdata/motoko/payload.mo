// Big payloads: text that comes from outside, blobs between messages, an answer that is too big.
import Prim "mo:⛔";

persistent actor Self {
  func blob(n : Nat) : Blob {
    Prim.arrayToBlob(Prim.Array_tabulate<Nat8>(n, func i { Prim.natToNat8(i % 251) }));
  };

  public func take(t : Text) : async (Nat, Nat32) { (t.size(), Prim.hashBlob(Prim.encodeUtf8 t)) };

  public func echo(b : Blob) : async Blob { b };

  // There and back.
  public func bounce(n : Nat) : async (Nat, Bool) {
    let b = blob n;
    let c = await Self.echo b;
    (c.size(), b == c);
  };

  public query func text(n : Nat) : async Text {
    var t = "0123456789abcdef";
    while (t.size() < n) t := t # t;
    t;
  };

  public func bytes(n : Nat) : async Blob { blob n };
};
