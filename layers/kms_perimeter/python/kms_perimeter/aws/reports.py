"""The bucket that reports are kept in."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from typing_extensions import Unpack


class _Kind(TypedDict, total=False):
    ContentType: str
    ContentEncoding: str


class Reports:
    """One bucket of S3. It has versions: what is put under a name again takes nothing away."""

    def __init__(self, client: S3Client, bucket: str, owner: str) -> None:
        """As its name says.

        Args:
            client: the client.
            bucket: the bucket's name.
            owner: the account whose it is; nothing is put into a bucket that somebody else has made under the name.
        """
        self._client = client
        self._owner = owner
        self._bucket = bucket

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self._bucket

    def put_page(self, name: str, page: str) -> None:
        """Puts a page, for a browser to show."""
        self._put(name, page.encode(), ContentType="text/html; charset=utf-8")

    def put_data(self, name: str, data: str) -> None:
        """Puts JSON, zipped: that of 10,000 open keys is some 100 MB, and zipped a fiftieth of it."""
        zipped = gzip.compress(data.encode(), mtime=0)
        self._put(name, zipped, ContentType="application/json", ContentEncoding="gzip")

    def _put(self, name: str, body: bytes, **kind: Unpack[_Kind]) -> None:
        self._client.put_object(Bucket=self._bucket, Key=name, Body=body, ExpectedBucketOwner=self._owner, **kind)
