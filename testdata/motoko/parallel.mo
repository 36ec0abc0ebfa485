// Several calls in flight; answers collected in order, whatever order they come in.
import Prim "mo:⛔";

persistent actor {
  public func nop() : async () {};

  // Answers after n further messages.
  public func slow(i : Nat, n : Nat) : async Nat {
    Prim.debugPrint("start " # debug_show i);
    var k = 0;
    while (k < n) { await nop(); k += 1 };
    Prim.debugPrint("end " # debug_show i);
    i * i;
  };

  public func go() : async [Nat] {
    let a = slow(3, 6);
    let b = slow(1, 1);
    let c = slow(2, 3);
    Prim.debugPrint("sent");
    let x = await a;
    Prim.debugPrint("got a");
    let y = await b;
    let z = await c;
    Prim.debugPrint("got all");
    [x, y, z];
  };

  // Nothing leaves before the first await or the end.
  public func late() : async Nat {
    let a = slow(4, 0);
    Prim.debugPrint("first this");
    await a;
  };

  // What was sent before a trap is not sent.
  public func never() : async () {
    ignore slow(5, 0);
    Prim.debugPrint("soon");
    Prim.trap("changed my mind");
  };
};
