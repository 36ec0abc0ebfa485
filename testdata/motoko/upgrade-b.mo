// Stable variables, second version: one more variable, and hooks; the first one traps while `locked`.
import Prim "mo:⛔";

persistent actor {
  var count : Nat = 0;
  var names : [Text] = [];
  var locked : Bool = false;
  transient var visits : Nat = 10;

  public func add(name : Text) : async Nat {
    count += 1;
    visits += 1;
    names := Prim.Array_tabulate<Text>(count, func i { if (i + 1 < count) names[i] else name });
    visits;
  };

  public func lock(on : Bool) : async () { locked := on };

  public query func list() : async [Text] { names };

  system func preupgrade() {
    Prim.debugPrint("preupgrade " # debug_show count);
    if locked Prim.trap("locked");
  };

  system func postupgrade() { Prim.debugPrint("postupgrade " # debug_show count) };
};
