"""What counts as inside: the perimeter in the words of a request, without the file it was written in."""

from __future__ import annotations

from kms_perimeter.policy import operations
from kms_perimeter.policy.record import record


@record
class Networks:
    """Approved values; a request with an approved value of any of the four kinds is inside."""

    vpc_endpoints: frozenset[str] = frozenset()
    vpcs: frozenset[str] = frozenset()
    vpce_accounts: frozenset[str] = frozenset()
    vpce_org_ids: frozenset[str] = frozenset()

    def __or__(self, other: Networks) -> Networks:
        """The networks that either approves."""
        return Networks(
            self.vpc_endpoints | other.vpc_endpoints,
            self.vpcs | other.vpcs,
            self.vpce_accounts | other.vpce_accounts,
            self.vpce_org_ids | other.vpce_org_ids,
        )


@record
class Covered:
    """A rule: its name, the operations it covers, and where they may come from."""

    name: str
    operations: frozenset[str]
    networks: Networks

    @property
    def mask(self) -> int:
        """The operations as a mask."""
        return operations.mask(self.operations)


@record
class Boundary:
    """A perimeter as the search needs it.

    Attributes:
        rules: in the order of the file.
        services_trusted: whether what AWS services do counts as inside, for principals of the key's own account or of
            `trusted_accounts`, and for themselves.
        trusted_accounts: accounts whose use through AWS services counts as inside.
        break_glass: ARNs, which may hold wildcards, of principals that are inside wherever they are.
    """

    rules: tuple[Covered, ...]
    services_trusted: bool = True
    trusted_accounts: frozenset[str] = frozenset()
    break_glass: tuple[str, ...] = ()

    def rule_for(self, operation: str) -> Covered | None:
        """The first rule that covers an operation, with the networks of all rules that do."""
        if len(self.rules) == 1:
            return self.rules[0] if operation in self.rules[0].operations else None
        found = None
        for rule in self.rules:
            if operation in rule.operations:
                found = Covered(found.name, found.operations, found.networks | rule.networks) if found else rule
        return found

    def networks_for(self, operation: str) -> Networks:
        """Where an operation may come from; one that no rule covers, from any network of the perimeter."""
        rule = self.rule_for(operation)
        return rule.networks if rule else self.approved

    @property
    def approved(self) -> Networks:
        """The networks that any rule approves."""
        networks = Networks()
        for rule in self.rules:
            networks |= rule.networks
        return networks
