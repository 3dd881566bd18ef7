<?xml version="1.0"?>
<!-- SPDX-License-Identifier: Apache-2.0 -->
<!-- One HTML page to one document of plain text: a paragraph a line, a blank line at the end.
     LibreOffice's help keeps its text in #DisplayArea, the handbook in the body. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
  <xsl:output method="text" encoding="UTF-8"/>
  <xsl:template match="/">
    <xsl:variable name="help" select="//*[@id='DisplayArea']"/>
    <xsl:for-each select="$help | //body[not($help)]">
      <xsl:for-each select=".//p | .//div[@class='para'] | .//h1 | .//h2 | .//h3 | .//h4 | .//td[not(.//p or .//div)] | .//li[not(.//p or .//div)]">
        <xsl:variable name="line" select="normalize-space(.)"/>
        <xsl:if test="string-length($line) &gt; 1"><xsl:value-of select="concat($line, '&#10;')"/></xsl:if>
      </xsl:for-each>
    </xsl:for-each>
    <xsl:text>&#10;</xsl:text>
  </xsl:template>
</xsl:stylesheet>
