// Composite queries: calls in a loop, two at once, nesting up to the limit, an error that is caught.
import Prim "mo:⛔";

persistent actor {
  var n : Nat = 0;

  public func set(k : Nat) : async () { n := k };

  public query func plus(i : Nat) : async Nat { n + i };

  public query func broken() : async Nat { Prim.trap("broken") };

  public query func sorry() : async Nat { throw Prim.error("sorry") };

  public composite query func sum(k : Nat) : async Nat {
    var s = 0;
    var i = 1;
    while (i <= k) { s += await plus(i); i += 1 };
    s;
  };

  public composite query func two() : async (Nat, Nat) {
    let a = plus(1);
    let b = plus(2);
    (await a, await b);
  };

  public composite query func nest(d : Nat) : async Nat {
    if (d == 0) 0 else 1 + (await nest(d - 1));
  };

  public composite query func careful() : async Text {
    var t = "";
    try { ignore await broken() } catch e { t #= debug_show (Prim.errorCode e) # " " # Prim.errorMessage e };
    try { ignore await sorry() } catch e { t #= "\n" # debug_show (Prim.errorCode e) # " " # Prim.errorMessage e };
    Prim.debugPrint(t);
    t;
  };

  // Its own changes are seen by its callbacks, and then forgotten.
  public composite query func forgetful() : async Nat {
    n += 100;
    let fresh = await plus(0);
    n * 1_000 + fresh;
  };
};
