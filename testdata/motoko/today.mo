// What the compiler of 2026 makes: information about the caller, a migration of what is kept, several results.
import Prim "mo:⛔";

persistent actor {
  var calls : Nat = 0;
  var names : [Text] = [];

  /// Who vouches for the caller, and what for.
  public shared func who() : async (Blob, Blob) {
    calls += 1;
    (Prim.callerInfoData<system>(), Prim.callerInfoSigner<system>())
  };

  /// Still the same behind an `await`, as it belongs to the call.
  public shared func later() : async Blob {
    await pause();
    Prim.callerInfoData<system>()
  };

  public func pause() : async () {};

  public func add(name : Text) : async () {
    names := Prim.Array_tabulate<Text>(
      names.size() + 1,
      func(i) { if (i < names.size()) { names[i] } else { name } },
    )
  };

  public query func state() : async (Nat, [Text]) { (calls, names) };
}
