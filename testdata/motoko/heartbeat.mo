// A heartbeat, and how it takes turns with messages.
import Prim "mo:⛔";

persistent actor {
  let ic = actor "aaaaa-aa" : actor { raw_rand : () -> async Blob };
  var beats : Nat = 0;

  system func heartbeat() : async () {
    beats += 1;
    Prim.debugPrint("beat " # debug_show beats);
  };

  public func touch() : async Nat { beats };

  // Takes three rounds.
  public func random() : async Nat {
    let size = (await ic.raw_rand()).size();
    Prim.debugPrint("random bytes: " # debug_show size);
    beats;
  };

  public query func read() : async Nat { beats };
};
