// Stable variables, first version.
import Prim "mo:⛔";

persistent actor {
  var count : Nat = 0;
  var names : [Text] = [];
  transient var visits : Nat = 0;

  public func add(name : Text) : async Nat {
    count += 1;
    visits += 1;
    names := Prim.Array_tabulate<Text>(count, func i { if (i + 1 < count) names[i] else name });
    visits;
  };

  public query func list() : async [Text] { names };
};
