// Alarms of the language's own timer service: one that recurs, one that rings once, one that is cancelled.
import Prim "mo:⛔";

persistent actor {
  transient var ticks : Nat = 0;
  transient var recurring : Nat = 0;

  public func start() : async () {
    recurring := Prim.setTimer<system>(1_000_000_000, true, func() : async () {
      ticks += 1;
      Prim.debugPrint("tick " # debug_show ticks);
    });
    ignore Prim.setTimer<system>(1_500_000_000, false, func() : async () { Prim.debugPrint("once") });
  };

  public func poll() : async Nat { ticks };

  public func stop() : async () {
    Prim.cancelTimer(recurring);
    Prim.debugPrint("stopped");
  };
};
