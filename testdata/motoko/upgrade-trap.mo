// Stable variables, a version whose `postupgrade` traps.
import Prim "mo:⛔";

persistent actor {
  var count : Nat = 0;
  var names : [Text] = [];
  var locked : Bool = false;

  public query func list() : async [Text] { if locked [] else names };

  system func postupgrade() {
    count += 1;
    Prim.trap("postupgrade with " # debug_show count);
  };
};
