// Looks at messages before they are let in.
import Prim "mo:⛔";

persistent actor {
  var hits : Nat = 0;

  public func open() : async Nat { hits += 1; hits };

  public func closed() : async Nat { hits += 100; hits };

  public func short(t : Text) : async Nat { hits += t.size(); hits };

  public query func read() : async Nat { hits };

  system func inspect({
    arg : Blob;
    msg : { #open : () -> (); #closed : () -> (); #short : () -> Text; #read : () -> () };
  }) : Bool {
    Prim.debugPrint("inspect " # debug_show (arg.size()) # " hits " # debug_show hits);
    hits += 1_000; // forgotten
    switch msg {
      case (#open _) true;
      case (#closed _) false;
      case (#short text) text().size() <= 5;
      case (#read _) true;
    };
  };
};
