// Errors: thrown, trapped, caught across calls, with their reject codes.
import Prim "mo:⛔";

persistent actor Self {
  func show(what : Text, e : Error) {
    Prim.debugPrint(what # ": " # debug_show (Prim.errorCode e) # " " # Prim.errorMessage e);
  };

  public func thrower() : async () { throw Prim.error("thrown") };

  public func trapper() : async () { Prim.trap("trapped") };

  public func asserter(n : Nat) : async () {
    let square = n * n;
    assert square < 10;
  };

  public func divider(x : Nat32) : async Nat32 { 100 / x };

  public query func sour() : async () { throw Prim.error("sour query") };

  public func catcher() : async Nat {
    var n = 0;
    try { await thrower() } catch e { show("thrower", e); n += 1 } finally Prim.debugPrint("finally");
    try { await trapper() } catch e { show("trapper", e); n += 1 };
    try { ignore await divider(0) } catch e { show("divider", e); n += 1 };
    try { ignore await Prim.call_raw(Prim.principalOfActor Self, "absent", "DIDL\00\00") } catch e { show("absent", e); n += 1 };
    n;
  };

  // Each of these destinations costs a round.
  public func nowhere() : async () {
    let unroutable = actor "bfozs-kwa73-7nadi" : actor { f : () -> async () };
    try { await unroutable.f() } catch e { show("unroutable", e) };
    let missing = actor "rrkah-fqaaa-aaaaa-aaaaq-cai" : actor { f : () -> async () };
    try { await missing.f() } catch e { show("missing", e) };
  };

  // The state of the last await stays, what came after is undone.
  var committed : Nat = 0;

  public func half() : async () {
    committed += 1;
    await nop();
    committed += 10;
    Prim.trap("second half");
  };

  public func nop() : async () {};

  public query func state() : async Nat { committed };
};
