// Cycles sent with a call, taken in part, and refunded.
import Prim "mo:⛔";
import Wallet "wallet";

persistent actor {
  transient var wallet : ?Wallet.Wallet = null;

  func the() : Wallet.Wallet {
    switch wallet { case (?w) w; case null Prim.trap("no wallet") };
  };

  public func open() : async Nat {
    let w = await (with cycles = 2_000_000_000_000) Wallet.Wallet();
    wallet := ?w;
    await w.balance();
  };

  public func pay(offer : Nat, limit : Nat) : async Nat {
    let before = Prim.cyclesBalance();
    let (offered, taken) = await (with cycles = offer) the().deposit(limit);
    let refunded = Prim.cyclesRefunded();
    let spent = before - Prim.cyclesBalance() : Nat;
    Prim.debugPrint("refunded " # debug_show refunded # " spent " # debug_show spent);
    assert offered == offer and taken + refunded == offered and spent == taken;
    await the().balance();
  };

  // What a callee takes before a reject is gone, before a trap it comes back.
  public func trouble() : async (Nat, Nat) {
    let before = Prim.cyclesBalance();
    try { await (with cycles = 5_000) the().refuse() } catch e { Prim.debugPrint(Prim.errorMessage e) };
    let between = Prim.cyclesBalance();
    try { await (with cycles = 5_000) the().crash() } catch _ { Prim.debugPrint("crashed") };
    (before - between : Nat, between - Prim.cyclesBalance() : Nat);
  };

  public func none() : async (Nat, Nat) { (Prim.cyclesAvailable(), Prim.cyclesAccept<system>(10)) };
};
