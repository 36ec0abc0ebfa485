// The system function `timer`: once after install and upgrade, then when it was told to.
import Prim "mo:⛔";

persistent actor {
  transient var fired : Nat = 0;

  system func timer(set : Nat64 -> ()) : async () {
    fired += 1;
    Prim.debugPrint("timer " # debug_show fired);
    if (fired < 3) set(Prim.time() + 2_000_000_000);
  };

  public func tick() : async Nat { fired };
};
