// A counter: updates, a query, a one-way method, an argument that does not fit.
import Prim "mo:⛔";

persistent actor {
  var n : Nat = 0;

  public func inc() : async Nat { n += 1; n };

  public func add(k : Nat) : async () {
    n += k;
    Prim.debugPrint("n = " # debug_show n);
  };

  public func reset() { n := 0; Prim.debugPrint("reset") };

  public query func get() : async Nat { n };

  // What a query changes is forgotten.
  public query func peek() : async Nat { n += 1; n };
};
