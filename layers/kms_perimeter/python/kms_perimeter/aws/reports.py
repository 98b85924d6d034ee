"""The bucket that reports are kept in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


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

    def put(self, name: str, content: str, kind: str) -> None:
        """Puts a text, for a browser to show as what it is.

        Args:
            name: the object's key.
            content: the text.
            kind: its media type, such as ``text/html``.
        """
        self._client.put_object(
            Bucket=self._bucket,
            Key=name,
            Body=content.encode(),
            ContentType=f"{kind}; charset=utf-8",
            ExpectedBucketOwner=self._owner,
        )
