"""What the tests of providers share."""

from providers.wired import wire as wire
