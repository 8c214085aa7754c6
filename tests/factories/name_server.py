"""A name server on loopback that knows some TXT records and aliases."""

from __future__ import annotations

import socket
import threading

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset


class NameServer:
    """``records`` maps a name to its TXT records as written in a zone; ``aliases`` a name to another.

    A name in ``silent`` gets no answer, one in ``broken`` an error.
    """

    def __init__(self) -> None:
        self.records: dict[str, list[str]] = {}
        self.aliases: dict[str, str] = {}
        self.silent: set[str] = set()
        self.broken: set[str] = set()
        self.asked: list[str] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    def resolver(self) -> dns.resolver.Resolver:
        """One that asks this server and no other."""
        made = dns.resolver.Resolver(configure=False)
        made.nameservers, made.port = ["127.0.0.1"], self._socket.getsockname()[1]
        return made

    def close(self) -> None:
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                packet, sender = self._socket.recvfrom(4096)
            except OSError:
                return
            query = dns.message.from_wire(packet)
            name = query.question[0].name.to_text(omit_final_dot=True)
            self.asked.append(name)
            if name not in self.silent:
                self._socket.sendto(self._answer(query, name).to_wire(), sender)

    def _answer(self, query: dns.message.QueryMessage, name: str) -> dns.message.Message:
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        final = self.aliases.get(name, name)
        if name in self.broken:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif final not in self.records:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        else:
            if final != name:
                answer.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "CNAME", f"{final}."))
            if self.records[final]:
                answer.answer.append(dns.rrset.from_text(f"{final}.", 60, "IN", "TXT", *self.records[final]))
        return answer
