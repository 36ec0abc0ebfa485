// The class that factory.mo makes canisters of.
import Prim "mo:⛔";

persistent actor class Worker(id : Nat) = Self {
  var done : Nat = 0;

  Prim.debugPrint("worker " # debug_show id # " starts with " # debug_show (Prim.cyclesBalance()) # " cycles");

  public func work(steps : Nat) : async Nat {
    done += steps;
    id * 1_000 + done;
  };

  public func fail() : async () { Prim.trap("worker " # debug_show id # " gives up") };

  public func whoami() : async Principal { Prim.principalOfActor Self };
};
