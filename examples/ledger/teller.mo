// A counter that holds an account at the ledger and pays out of it to whoever asks, once.
import Prim "mo:⛔";

persistent actor class Teller(ledger : actor {
  transfer : shared { to : Principal; amount : Nat } -> async { #ok : { block : Nat }; #err : Text };
}) {
  var served : Nat = 0;

  public shared ({ caller }) func draw(amount : Nat) : async { #ok : { block : Nat }; #err : Text } {
    let result = await ledger.transfer({ to = caller; amount });
    switch result { case (#ok _) served += 1; case (#err _) {} };
    result;
  };

  public query func count() : async Nat { served };
};
