// The class that cycles.mo sends cycles to.
import Prim "mo:⛔";

persistent actor class Wallet() {
  public func deposit(limit : Nat) : async (Nat, Nat) {
    let offered = Prim.cyclesAvailable();
    let taken = Prim.cyclesAccept<system>(limit);
    Prim.debugPrint("offered " # debug_show offered # " taken " # debug_show taken # " left " # debug_show (Prim.cyclesAvailable()));
    (offered, taken);
  };

  public func refuse() : async () {
    ignore Prim.cyclesAccept<system>(1_000);
    throw Prim.error("no, thank you");
  };

  public func crash() : async () {
    ignore Prim.cyclesAccept<system>(1_000);
    Prim.trap("crash");
  };

  public query func balance() : async Nat { Prim.cyclesBalance() };
};
